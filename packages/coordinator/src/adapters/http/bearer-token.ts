/** Who may ask: with a token set, whoever sends it as `Authorization: Bearer …`; without one (loopback only), everybody. */
import { createHash, timingSafeEqual } from "node:crypto";
import { TriadError } from "@triad/protocol";

const BEARER = /^Bearer +(\S+) *$/i;

/** Digests have one length, so that neither the token's content nor its length shows in the time that a comparison takes. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Returns a check that throws TRIAD_UNAUTHORIZED. */
export function bearerCheck(token: string): (authorization: string | undefined) => void {
  const wanted = digest(token);
  return (authorization) => {
    const given = BEARER.exec(authorization ?? "")?.[1];
    if (given === undefined || !timingSafeEqual(digest(given), wanted)) throw new TriadError("TRIAD_UNAUTHORIZED");
  };
}

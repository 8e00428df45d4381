/** The table of errors and docs/errors.md say the same, row by row; and the error class carries what the table says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, errorFromBody, isErrorCode, TriadError } from "../src/errors.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");
const codes = Object.keys(ERRORS) as ErrorCode[];

/** The row that docs/errors.md must have for a code. */
function rowOf(code: ErrorCode): string {
  const { status, retryable, meaning } = ERRORS[code];
  return `| \`${code}\` | ${status === 0 ? "–" : status} | ${retryable ? "yes" : "no"} | ${meaning} |`;
}

const rows = page.split("\n").filter((line) => line.startsWith("| `TRIAD_"));

describe("docs/errors.md", () => {
  it.each(codes)("has the row of %s", (code) => {
    expect(rows).toContain(rowOf(code));
  });

  it("has no row without a code, and none twice", () => {
    expect([...rows].sort()).toEqual(codes.map(rowOf).sort());
  });
});

describe("the table", () => {
  it.each(codes)("%s is one line, and retryable as the contract has it", (code) => {
    const { status, retryable, meaning } = ERRORS[code];
    expect(code).toMatch(/^TRIAD_[A-Z_]+$/);
    expect(meaning).toMatch(/^[^\n|]+[.?]$/);
    // interface.md 3: every 429 and every 5xx but 501 may be repeated, nothing else that HTTP answers.
    if (status !== 0) expect(retryable).toBe(status === 429 || (status >= 500 && status !== 501));
  });
});

describe("TriadError", () => {
  it("carries code, status, body and cause", () => {
    const cause = new Error("below");
    const error = new TriadError("TRIAD_NO_LEADER", undefined, { tried: 3 }, { cause });
    expect([error.name, error.code, error.status, error.retryable, error.cause]).toEqual([
      "TriadError",
      "TRIAD_NO_LEADER",
      503,
      true,
      cause,
    ]);
    expect(error.toBody()).toEqual({
      code: "TRIAD_NO_LEADER",
      message: ERRORS.TRIAD_NO_LEADER.meaning,
      retryable: true,
      details: { tried: 3 },
    });
    expect(new TriadError("TRIAD_CANCELLED").toBody()).not.toHaveProperty("details");
  });

  it("comes back from a body; a code that nobody knows is an internal error that keeps it", () => {
    const body = new TriadError("TRIAD_BAD_REQUEST", "no", [1]).toBody();
    expect(errorFromBody(body).toBody()).toEqual(body);
    const foreign = errorFromBody({ code: "toString", message: "x" });
    expect([foreign.code, foreign.details]).toEqual(["TRIAD_INTERNAL", { code: "toString", details: undefined }]);
    expect(isErrorCode("hasOwnProperty")).toBe(false);
  });
});

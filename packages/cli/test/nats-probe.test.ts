/** Against a real nats-server, with and without credentials, and against what is none. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { probeNats, shownNatsUrl } from "../src/nats/nats-probe.ts";
import { chooseNatsPort, findNatsServer } from "../src/nats/nats-server.ts";
import { portFree, portServed } from "../src/nats/ports.ts";
import { eventually } from "./eventually.ts";

const started: ChildProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  }
});

async function natsServer(...flags: string[]): Promise<number> {
  const port = await chooseNatsPort(undefined, []);
  started.push(spawn(findNatsServer(), ["--addr", "127.0.0.1", "--port", String(port), ...flags], { stdio: "ignore" }));
  await eventually("nats-server listens", () => portServed("127.0.0.1", port, 200));
  return port;
}

describe("probeNats", () => {
  it("takes an open server", async () => {
    const port = await natsServer();
    await probeNats(`nats://127.0.0.1:${port}`);
  });

  it("tells right credentials from wrong ones, without repeating them", async () => {
    const port = await natsServer("--user", "anna", "--pass", "s p@ce");
    await probeNats(`nats://anna:${encodeURIComponent("s p@ce")}@127.0.0.1:${port}`);
    for (const credentials of ["", "anna:wrong@", "token@"]) {
      const error: unknown = await probeNats(`nats://${credentials}127.0.0.1:${port}`).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "TRIAD_NATS_UNAUTHORIZED" });
      expect(String(error)).not.toContain("wrong");
    }
  });

  it("takes a token", async () => {
    const port = await natsServer("--auth", "s3cret");
    await probeNats(`nats://s3cret@127.0.0.1:${port}`);
    await expect(probeNats(`nats://other@127.0.0.1:${port}`)).rejects.toMatchObject({ code: "TRIAD_NATS_UNAUTHORIZED" });
  });

  it("tells nobody and somebody else from a nats-server", async () => {
    const dead = await chooseNatsPort(undefined, []);
    await expect(probeNats(`nats://127.0.0.1:${dead}`)).rejects.toMatchObject({
      code: "TRIAD_NATS_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
    const web = createServer();
    web.on("connection", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    try {
      await expect(probeNats(`nats://127.0.0.1:${(web.address() as AddressInfo).port}`)).rejects.toMatchObject({
        code: "TRIAD_NATS_UNREACHABLE",
      });
    } finally {
      web.close();
    }
  });
});

describe("the nats-server that `up` brings", () => {
  it("keeps its port where that is free", async () => {
    const port = await chooseNatsPort(undefined, []);
    expect(await chooseNatsPort(port, [])).toBe(port);
    expect(await chooseNatsPort(port, [port])).not.toBe(port);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, "127.0.0.1", resolve));
    expect(await portFree("127.0.0.1", port)).toBe(false);
    expect(await chooseNatsPort(port, [])).not.toBe(port);
    await new Promise((resolve) => taken.close(resolve));
  });

  it("says how to get one where PATH has none", () => {
    expect(() => findNatsServer("/nonexistent::")).toThrow(
      expect.objectContaining({ code: "TRIAD_NATS_MISSING", message: expect.stringContaining("apt-get install nats-server") }),
    );
  });

  it("shows no credentials", () => {
    expect(shownNatsUrl("nats://anna:secret@a:4222")).toBe("nats://a:4222");
  });
});

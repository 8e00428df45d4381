/** The kit's nats-server is a real one, keeps its address over a restart, and leaves nothing behind. */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { NatsServer } from "../src/nats-server.ts";
import { isAlive } from "../src/processes.ts";

/** Sends lines to the server and resolves with what it answers up to a line that starts with `until`; undefined: silence for `ms`. */
function talk(port: number, lines: readonly string[], until: string, ms: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let heard = "";
    const settle = (value: string | undefined): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(ms, () => settle(undefined));
    socket.once("error", reject);
    socket.once("connect", () => socket.write(lines.map((line) => `${line}\r\n`).join("")));
    socket.on("data", (data) => {
      heard += data.toString("latin1");
      const line = heard.split("\r\n").find((text) => text.startsWith(until));
      if (line !== undefined) settle(line);
    });
  });
}

const HELLO = 'CONNECT {"verbose":false}';

describe("NatsServer", () => {
  it("answers, restarts at its address, and is gone afterwards", async () => {
    let pid: number;
    {
      await using nats = await NatsServer.start();
      pid = nats.pid;
      expect(isAlive(pid)).toBe(true);
      expect(nats.url).toBe(`nats://127.0.0.1:${nats.port}`);
      expect(await talk(nats.port, [HELLO, "PING"], "PONG", 5_000)).toBe("PONG");
      expect(nats.log).toContain("Server is ready");

      await nats.restart("SIGKILL");
      expect(isAlive(pid)).toBe(false);
      expect(nats.pid).not.toBe(pid);
      expect(await talk(nats.port, [HELLO, "PING"], "PONG", 5_000)).toBe("PONG");
      pid = nats.pid;
    }
    expect(isAlive(pid)).toBe(false);
  });

  it("is silent while it is paused, and answers afterwards", async () => {
    await using nats = await NatsServer.start();
    nats.pause();
    expect(await talk(nats.port, [HELLO, "PING"], "PONG", 300)).toBeUndefined();
    nats.resume();
    expect(await talk(nats.port, [HELLO, "PING"], "PONG", 5_000)).toBe("PONG");
  });

  it("takes further configuration", async () => {
    await using nats = await NatsServer.start({ config: 'authorization { user: "u", password: "p" }' });
    expect(await talk(nats.port, [HELLO, "PING"], "-ERR", 5_000)).toContain("Authorization Violation");
    expect(await talk(nats.port, ['CONNECT {"user":"u","pass":"p","verbose":false}', "PING"], "PONG", 5_000)).toBe("PONG");
  });

  it("that cannot start says why", async () => {
    const failure = await NatsServer.start({ config: "no such option {" }).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(String(failure?.cause)).toMatch(/exit 1.*Parse error/);
  });
});

/** A real nats-server for one test: a free port, ended by its own pid. */
import { type ChildProcess, spawn } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";

export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
}

export async function startNatsServer(args: readonly string[] = [], port?: number): Promise<NatsServer> {
  const chosen = port ?? (await freePort());
  const child = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(chosen), ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const ready = Promise.withResolvers<void>();
  let said = "";
  child.stderr?.on("data", (data: Buffer) => {
    said += data.toString();
    if (said.includes("Server is ready")) ready.resolve();
  });
  child.on("error", ready.reject);
  child.on("exit", (code) => ready.reject(new Error(`nats-server ended with ${code}: ${said}`)));
  await ready.promise;
  return {
    url: `nats://127.0.0.1:${chosen}`,
    process: child,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNatsAddress, TriadError } from "../src/index.ts";

describe("parseNatsAddress", () => {
  it("reads one or several servers, with or without credentials", () => {
    expect(parseNatsAddress("localhost")).toEqual({ servers: ["localhost:4222"] });
    expect(parseNatsAddress("nats://a:1, b:2,")).toEqual({ servers: ["a:1", "b:2"] });
    expect(parseNatsAddress("nats://u:p%40ss@h:7")).toEqual({ servers: ["h:7"], user: "u", pass: "p@ss" });
    expect(parseNatsAddress("nats://secret@h")).toEqual({ servers: ["h:4222"], token: "secret" });
    expect(parseNatsAddress("nats://u:p@a,b:9")).toEqual({ servers: ["a:4222", "b:9"], user: "u", pass: "p" });
    expect(parseNatsAddress("[::1]:4333")).toEqual({ servers: ["[::1]:4333"] });
  });

  it("refuses anything else with a typed error that does not repeat what may be a secret", () => {
    for (const text of ["", ",", "http://h:1", "nats://h:0", "nats://h:70000", "nats://u:hunter2@", "a b"]) {
      expect(() => parseNatsAddress(text)).toThrowError(TriadError);
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseNatsAddress(text).servers.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(TriadError);
          if (text.length > 12) expect((error as TriadError).message).not.toContain(text);
        }
      }),
    );
  });
});

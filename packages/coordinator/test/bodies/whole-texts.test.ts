/** Views with stored texts: built again until nothing is missing, within the bound of an answer. */
import { type Body, type BodyRef, limits } from "@triad/protocol";
import { describe, expect, it } from "vitest";
import { withWholeTexts } from "../../src/services/state-manager/whole-texts.ts";

const stored = (ref: string, bytes = 1): BodyRef => ({ ref, bytes, chunks: [], head: `head of ${ref}` });

describe("a view with stored texts", () => {
  it("shows what is small as it is, and reads each stored text once, however often it stands there", async () => {
    const reads: string[] = [];
    const bodies: Body[] = ["small", stored("a"), stored("b"), stored("a")];
    const read = async ({ ref }: { readonly ref: string }) => {
      reads.push(ref);
      return `whole ${ref}`;
    };
    expect(await withWholeTexts((textOf) => bodies.map(textOf), read)).toEqual(["small", "whole a", "whole b", "whole a"]);
    expect(reads).toEqual(["a", "b"]);
  });

  it("follows a state that moves on while it reads", async () => {
    const bodies: Body[] = [stored("a")];
    const view = await withWholeTexts(
      (textOf) => bodies.map(textOf),
      async ({ ref }) => {
        if (ref === "a") bodies.push(stored("b"));
        return `whole ${ref}`;
      },
    );
    expect(view).toEqual(["whole a", "whole b"]);
  });

  it("shows the beginning of what does not fit, counted wherever it stands, and does not read it", async () => {
    const half = limits.VIEW_BODIES_BYTES_MAX / 2;
    const bodies: Body[] = [stored("a", half), stored("b", half + 1), stored("a", half), stored("a", half)];
    const view = await withWholeTexts(
      (textOf) => bodies.map(textOf),
      async ({ ref }) => `whole ${ref}`,
    );
    expect(view).toEqual(["whole a", "head of b", "whole a", "head of a"]);
  });

  it("fails as the reading fails", async () => {
    const read = () => Promise.reject(new Error("not to be had"));
    await expect(withWholeTexts((textOf) => textOf(stored("a")), read)).rejects.toThrow("not to be had");
  });
});

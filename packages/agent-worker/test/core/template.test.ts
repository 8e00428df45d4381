/** Templates: what parses, what is refused and where, and that rendering is pure and never evaluates. */
import { TriadError } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseTemplate, renderTemplate, type SlotValues } from "../../src/index.ts";

const render = (text: string, values: SlotValues): string => renderTemplate(parseTemplate(text), values);

function refusal(run: () => unknown): TriadError {
  try {
    run();
  } catch (error) {
    if (error instanceof TriadError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("parsing", () => {
  test.each([
    ["{{a}}", 1, 1, "no type"],
    ["{{a:}}", 1, 1, "no type"],
    ["x\ny {{a:word}}", 2, 3, "none of text"],
    ["{{a:text", 1, 1, "never closed"],
    ["{{:text}}", 1, 1, "not a slot name"],
    ["{{1a:text}}", 1, 1, "not a slot name"],
    ["{{a:text:maybe}}", 1, 1, 'only "required"'],
    ["{{a:text:required:required}}", 1, 1, 'only "required"'],
    ["{{a:enum()}}", 1, 1, "none of"],
    ["{{a:enum(x|x)}}", 1, 1, "none of"],
    ["{{a:list<word>}}", 1, 1, "none of"],
    ["{{a:list<list<list<list<text>>>>}}", 1, 1, "none of"],
    ["{{a:text}} {{a:int}}", 1, 12, "another type"],
  ])("%j is refused at its place", (text, line, column, problem) => {
    const error = refusal(() => parseTemplate(text));
    expect(error.code).toBe("TRIAD_TEMPLATE_INVALID");
    expect(error.details).toMatchObject({ line, column });
    expect(error.message).toContain(problem);
  });

  test("white space within a slot is free, and a slot may stand twice", () => {
    expect(render("{{ a : text : required }}-{{a:text:required}}", { a: "x" })).toBe("x-x");
  });

  test("an escaped brace is a brace", () => {
    expect(render("write \\{{name:text}} as {{a:text}}", { a: "{{b:text}}" })).toBe("write {{name:text}} as {{b:text}}");
  });
});

describe("rendering", () => {
  test("each type has its form", () => {
    const text = "{{t:text}}|{{i:int}}|{{f:float}}|{{b:bool}}|{{e:enum(north|south)}}|{{l:list<text>}}|{{r:ref}}|{{j:json}}";
    const values = { t: "x", i: -3, f: 0.5, b: false, e: "south", l: ["a", "b"], r: 7, j: { a: [1, null] } };
    expect(render(text, values)).toBe('x|-3|0.5|false|south|- a\n- b|#7|{"a":[1,null]}');
  });

  test.each([
    ["{{a:text}}", 1],
    ["{{a:int}}", 1.5],
    ["{{a:int}}", "1"],
    ["{{a:float}}", "0.5"],
    ["{{a:bool}}", "true"],
    ["{{a:enum(x|y)}}", "z"],
    ["{{a:list<int>}}", [1, "2"]],
    ["{{a:list<int>}}", 1],
    ["{{a:ref}}", 0],
    ["{{a:ref}}", "abc"],
  ])("%s refuses %j", (text, value) => {
    expect(refusal(() => render(text, { a: value })).code).toBe("TRIAD_SLOT_TYPE");
  });

  test.each([undefined, null, "", " \n"])("a required slot is never blank: %j", (value) => {
    expect(refusal(() => render("{{a:text:required}}", { a: value }))).toMatchObject({
      code: "TRIAD_SLOT_MISSING",
      details: { slot: "a" },
    });
  });

  test("an optional slot without a value leaves nothing; names of Object.prototype are no values", () => {
    expect(render("[{{a:text}}{{toString:text}}{{constructor:json}}]", {})).toBe("[]");
  });

  test("whatever a value holds arrives as it is, and rendering twice gives the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), (value, literal) => {
        const clean = literal.replaceAll("{", "").replaceAll("\\", "");
        const template = parseTemplate(`${clean}{{a:text}}${clean}`);
        const once = renderTemplate(template, { a: value });
        expect(once).toBe(`${clean}${value}${clean}`);
        expect(renderTemplate(template, { a: value })).toBe(once);
      }),
    );
  });

  test("any text either parses or is refused with a place: never another error", () => {
    const piece = fc.constantFrom("{{", "}}", ":", "a", "text", "int", "required", "enum(", "|", ")", "list<", ">", "\\", "\n", " ");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        try {
          parseTemplate(pieces.join(""));
        } catch (error) {
          expect(error).toMatchObject({
            code: "TRIAD_TEMPLATE_INVALID",
            details: { line: expect.any(Number), column: expect.any(Number) },
          });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

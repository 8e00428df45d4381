/** The facts as `{{facts:json}}` writes them, and nothing else: the part of the product's view that has no text. */
import type { ViewPoint } from "./views.ts";

export function factsView({ facts }: ViewPoint): string {
  return JSON.stringify(facts);
}

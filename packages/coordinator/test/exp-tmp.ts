import { readFileSync } from "node:fs";
import { embedText, inverseDocumentFrequency, quantiseRouting, ROUTING_DIM } from "@triad/protocol";
import { EXAMPLES } from "../../../teams/concierge/routing/examples.ts";
import { bestAffinity, teachPrototypes } from "../src/core/routing/prototypes.ts";
import { route, ROUTER_DEFAULTS, type RoutingCandidate } from "../src/core/routing/router.ts";
import { initialStatistics } from "../src/core/routing/statistics.ts";
const domains = Object.keys(EXAMPLES);
const idf = inverseDocumentFrequency(Object.values(EXAMPLES).flat(), ROUTING_DIM);
const emb = (t: string) => quantiseRouting(embedText(t, ROUTING_DIM, idf));
const base = new Map(domains.map((d) => [d, EXAMPLES[d as keyof typeof EXAMPLES].map(emb)] as const));
const dialogues = readFileSync("/work/shared/data/multiwoz21/dev/val.jsonl", "utf8").trim().split("\n").map((l) => JSON.parse(l));
interface Turn { e: Uint8Array; sys: Uint8Array | undefined; gold: string[]; }
const data: Turn[][] = dialogues.map((d: any) => {
  const out: Turn[] = []; let sys: Uint8Array | undefined;
  for (const t of d.turns) {
    if (t.s === "S") { sys = emb(t.t); continue; }
    const acts = Array.isArray(t.a) ? t.a.map((a: any) => a[1]) : Object.keys(t.a ?? {}).map((k) => k.split("-")[0]);
    const gold = [...new Set(acts.map((x: string) => x.toLowerCase()).filter((x: string) => domains.includes(x) && x !== "general"))] as string[];
    out.push({ e: emb(t.t), sys, gold });
  }
  return out;
});
function topk(e: Uint8Array, ps: readonly Uint8Array[], k: number) { const c = ps.map((x) => bestAffinity(e, [x])).sort((a, b) => b - a); let sum=0; for (let i=0;i<k;i++) sum+=c[i]??0; return sum/k; }
function teachK(ps: readonly Uint8Array[], e: Uint8Array, parts: number, all: number): Uint8Array[] { if (ps.length < all) return [...ps, e]; let b=-1, bi=0; ps.forEach((x,i)=>{const c=bestAffinity(e,[x]); if(c>b){b=c;bi=i}}); const sg=(x:number)=>x>127?x-256:x; return ps.map((x,i)=> i!==bi?x: x.map((v,k)=>Math.round((sg(v)*(parts-1)+sg(e[k]!))/parts)&255)); }
function run(o: { k: number; parts: number; max: number; always?: boolean; h: number; lw: number; last: "user" | "sys" | "both" | "none"; teach: boolean; fix: boolean }) {
  let proto = new Map(base); let ok = 0, n = 0, sok = 0, sn = 0, inc1 = 0;
  const memo = new Map<Uint8Array, Map<string, number>>();
  for (const turns of data) {
    let incumbent: string | undefined; let lastGold: string | undefined; let prev: Turn | undefined;
    for (const t of turns) {
      const aff = (e: Uint8Array | undefined, d: string) => e === undefined ? 0 : (o.k===1?bestAffinity(e, proto.get(d)!):topk(e,proto.get(d)!,o.k));
      const cands: RoutingCandidate[] = domains.map((d) => ({ agent: d, skills: { [d]: initialStatistics(0.8) }, inFlight: 0, capacity: 16, hasExamples: true,
        affinity: aff(t.e, d), lastTurnAffinity: o.last === "none" ? 0 : o.last === "user" ? aff(prev?.e, d) : o.last === "sys" ? aff(t.sys, d) : (aff(prev?.e, d) + aff(t.sys, d)) / 2 }));
      const r = route({ requires: undefined, hasText: true, incumbent, incumbentBonus: o.h }, cands, { ...ROUTER_DEFAULTS, lastTurnWeight: o.lw });
      const pick = "agent" in r ? r.agent : "";
      if (t.gold.length === 1) {
        const g = t.gold[0]!; n++; if (pick === g) ok++;
        if (lastGold !== g) { sn++; if (pick === g) sok++; }   // includes first turns? excluded below
        if (lastGold === g) inc1++;
        if (o.teach && (pick !== g || o.always)) proto = new Map(proto).set(g, o.parts===0 ? teachPrototypes(proto.get(g)!, t.e) as Uint8Array[] : teachK(proto.get(g)!, t.e, o.parts, o.max));
        lastGold = g;
      }
      incumbent = o.fix && t.gold.length === 1 ? t.gold[0] : pick;
      if (o.fix && t.gold.length === 0 && prev !== undefined) { /* general turn: pick stays */ }
      prev = t;
    }
  }
  return { ...o, acc: (ok / n).toFixed(3), switchAcc: (sok / sn).toFixed(3), n, sn };
}

const t0=Date.now();
for (const c of JSON.parse(process.argv[2]!)) console.log(JSON.stringify(run({ h: .12, lw: .25, last: "none", teach: true, fix: true, k: 1, parts: 0, max: 16, ...c })), Date.now()-t0);

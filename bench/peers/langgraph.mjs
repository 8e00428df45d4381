/**
 * The bench's graph in LangGraph.js: two nodes that hand over to each other and set one fact each, with a checkpointer that writes after every
 * step. Plain JavaScript, run from the cache folder that holds its packages: nothing in the workspace depends on them.
 *
 *     node langgraph.mjs '{"saver":"memory"|"sqlite-normal"|"sqlite-full","folder":…,"facts":16,"hops":100,"widths":[1,16],"windowMs":4000}'
 *
 * Prints one line of JSON: steps/s by width, hop times of single chains, and hop 200 beside hop 2.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Annotation, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";

const order = JSON.parse(process.argv[2]);

const State = Annotation.Root({
  step: Annotation({ reducer: (_, next) => next, default: () => 0 }),
  facts: Annotation({ reducer: (before, delta) => ({ ...before, ...delta }), default: () => ({}) }),
});

/** When each step of a chain began; kept outside the graph's state, which it must not make heavier. */
const starts = new Map();

function graphOf(saver, hops) {
  const pass = (state, config) => {
    starts.get(config.configurable.thread_id)?.push(performance.now());
    const step = state.step + 1;
    return { step, facts: { [`fact-${step % order.facts}`]: step } };
  };
  const to = (other) => (state) => (state.step < hops ? other : "__end__");
  return new StateGraph(State)
    .addNode("ping", pass)
    .addNode("pong", pass)
    .addEdge(START, "ping")
    .addConditionalEdges("ping", to("pong"), ["pong", "__end__"])
    .addConditionalEdges("pong", to("ping"), ["ping", "__end__"])
    .compile({ checkpointer: saver });
}

/** What SqliteSaver uses of better-sqlite3, over the SQLite that Node brings: no native build, so that it installs anywhere. */
class NodeSqlite {
  #db;
  constructor(file, synchronous) {
    this.#db = new DatabaseSync(file);
    this.#db.exec(`PRAGMA synchronous=${synchronous}`);
  }
  pragma(text) {
    this.#db.exec(`PRAGMA ${text}`);
  }
  exec(sql) {
    this.#db.exec(sql);
  }
  prepare(sql) {
    const statement = this.#db.prepare(sql);
    const bound = (values) => values.map((value) => value ?? null);
    return {
      get: (...values) => statement.get(...bound(values)),
      all: (...values) => statement.all(...bound(values)),
      run: (...values) => statement.run(...bound(values)),
    };
  }
  transaction(run) {
    return (...values) => {
      this.#db.exec("BEGIN");
      try {
        const result = run(...values);
        this.#db.exec("COMMIT");
        return result;
      } catch (error) {
        this.#db.exec("ROLLBACK");
        throw error;
      }
    };
  }
}

const saverOf = (name) => {
  if (name === "memory") return new MemorySaver();
  const synchronous = name === "sqlite-full" ? "FULL" : "NORMAL";
  return new SqliteSaver(new NodeSqlite(join(order.folder, `${name}-${randomUUID()}.db`), synchronous));
};

// With synchronous FULL a step is on disk before the next begins, as in Triad; else as LangGraph does by default.
const durability = order.saver === "sqlite-full" ? "sync" : "async";

async function chain(graph, hops) {
  const thread = randomUUID();
  const began = [];
  starts.set(thread, began);
  await graph.invoke({}, { configurable: { thread_id: thread }, recursionLimit: hops + 10, durability });
  starts.delete(thread);
  return began;
}

/** Steps a second with so many conversations at once, chain after chain, over one window. */
async function throughput(width) {
  const graph = graphOf(saverOf(order.saver), order.hops);
  const until = performance.now() + order.windowMs;
  const from = performance.now();
  let steps = 0;
  const one = async () => {
    while (performance.now() < until) {
      const { length } = await chain(graph, order.hops);
      steps += length;
    }
  };
  await Promise.all(Array.from({ length: width }, one));
  return (steps / (performance.now() - from)) * 1000;
}

const long = graphOf(saverOf(order.saver), order.longHops);
await chain(long, order.longHops); // warm
const chains = [];
for (let i = 0; i < order.longChains; i++) chains.push(await chain(long, order.longHops));
const stepsPerSecond = {};
for (const width of order.widths) stepsPerSecond[width] = await throughput(width);
console.log(JSON.stringify({ hopsMs: chains.map((began) => began.slice(1).map((at, i) => at - began[i])), stepsPerSecond }));

/**
 * Counters and a histogram whose labels are bounded: `agent` takes only agents of the registered team, the rest known words. They wrap
 * prom-client's instead of exposing them, so that no caller can get past the bound.
 */
import type { Counter, Histogram } from "prom-client";
import { BoundedLabel } from "./bounded-label.ts";

export class AgentCounter<Other extends string> {
  readonly #counter: Counter<"agent" | Other>;
  readonly #agents: BoundedLabel;
  readonly #others: BoundedLabel;
  readonly #otherName: Other;

  constructor(counter: Counter<"agent" | Other>, agents: BoundedLabel, otherName: Other, others: BoundedLabel) {
    this.#counter = counter;
    this.#agents = agents;
    this.#otherName = otherName;
    this.#others = others;
  }

  inc(agent: string, other: string, by = 1): void {
    const labels = { agent: this.#agents.of(agent), [this.#otherName]: this.#others.of(other) };
    this.#counter.inc(labels as Partial<Record<"agent" | Other, string>>, by);
  }
}

export class AgentHistogram {
  readonly #histogram: Histogram<"agent">;
  readonly #agents: BoundedLabel;

  constructor(histogram: Histogram<"agent">, agents: BoundedLabel) {
    this.#histogram = histogram;
    this.#agents = agents;
  }

  observe(agent: string, seconds: number): void {
    this.#histogram.observe({ agent: this.#agents.of(agent) }, seconds);
  }
}

/** A counter with one label of bounded values. */
export class ReasonCounter {
  readonly #counter: Counter<"reason">;
  readonly #reasons: BoundedLabel;

  constructor(counter: Counter<"reason">, reasons: readonly string[]) {
    this.#counter = counter;
    this.#reasons = new BoundedLabel(reasons);
  }

  inc(reason: string, by = 1): void {
    this.#counter.inc({ reason: this.#reasons.of(reason) }, by);
  }
}

/** The same, where the values say how something went. */
export class OutcomeCounter {
  readonly #counter: Counter<"outcome">;
  readonly #outcomes: BoundedLabel;

  constructor(counter: Counter<"outcome">, outcomes: readonly string[]) {
    this.#counter = counter;
    this.#outcomes = new BoundedLabel(outcomes);
  }

  inc(outcome: string): void {
    this.#counter.inc({ outcome: this.#outcomes.of(outcome) });
  }
}

/** The same, where the values name what happened. */
export class EventCounter {
  readonly #counter: Counter<"event">;
  readonly #events: BoundedLabel;

  constructor(counter: Counter<"event">, events: readonly string[]) {
    this.#counter = counter;
    this.#events = new BoundedLabel(events);
    for (const event of events) counter.inc({ event }, 0);
  }

  inc(event: string): void {
    this.#counter.inc({ event: this.#events.of(event) });
  }
}

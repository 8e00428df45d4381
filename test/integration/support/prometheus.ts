/** A scrape of /metrics, read as Prometheus reads it: names, labels, values. */
import { askOnce } from "@triad/testkit";

export type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

export class Scrape {
  readonly text: string;
  readonly #samples: readonly Sample[];

  constructor(text: string) {
    this.text = text;
    this.#samples = text.split("\n").flatMap((line) => {
      const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
      if (line.startsWith("#") || name === undefined) return [];
      const pairs = [...labels.matchAll(LABEL)].map(([, key, text = ""]) => [key, text] as const);
      return [{ name, labels: Object.fromEntries(pairs) as Labels, value: Number(value) }];
    });
  }

  /** Sum of all series of that name with at least these labels; 0 where there is none. */
  sum(name: string, labels: Labels = {}): number {
    let sum = 0;
    for (const sample of this.#samples) {
      const fits = Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
      if (sample.name === name && fits) sum += sample.value;
    }
    return sum;
  }

  /** Names that declare themselves. */
  get declared(): ReadonlySet<string> {
    return new Set([...this.text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name));
  }

  /** Every value that stands in a label. */
  get labelValues(): ReadonlySet<string> {
    return new Set(this.#samples.flatMap(({ labels }) => Object.values(labels)));
  }
}

export async function scrape(url: string): Promise<Scrape> {
  const answer = await askOnce(`${url}/metrics`, "GET");
  if (answer.status !== 200) throw new Error(`${url}/metrics answered ${answer.status}`);
  return new Scrape(answer.text);
}

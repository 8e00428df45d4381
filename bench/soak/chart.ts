/** Curves as an SVG: one panel a kind of curve, its largest value at the top, zero at the bottom. Pure. */
import type { Curve } from "./verdict.ts";

export interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 440;
const HEIGHT = 170;
const LEFT = 46;
const RIGHT = 104;
const TOP = 26;
const BOTTOM = 20;
const COLUMNS = 2;
const LEGEND_LINE = 13;
/** Told apart by people who see fewer colours (Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

export function drawPanels(title: string, panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const [width, height] = [COLUMNS * WIDTH, rows * HEIGHT + TOP];
  const drawn = panels.map(
    (panel, i) => `<g transform="translate(${(i % COLUMNS) * WIDTH} ${Math.floor(i / COLUMNS) * HEIGHT + TOP})">${drawPanel(panel)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<title>Disk, memory, descriptors and tasks of a cluster under steady load</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="8" y="17" font-size="13">${escaped(title)}</text>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function drawPanel({ title, curves }: Panel): string {
  const top = niceMax(Math.max(0, ...curves.flatMap(({ values }) => values).filter(Number.isFinite)));
  const end = Math.max(1, ...curves.map(({ seconds }) => seconds.at(-1) ?? 0));
  const x = (second: number): number => LEFT + (second / end) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const axis = `M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}`;
  const label = (atX: number, atY: number, text: string, anchor: string): string =>
    `<text x="${atX}" y="${atY}" text-anchor="${anchor}" fill="#555">${escaped(text)}</text>`;
  const drawn = curves.map((curve, i) => {
    const colour = COLOURS[i % COLOURS.length];
    const points = curve.values.flatMap((value, n) =>
      Number.isFinite(value) ? [`${x(curve.seconds[n] ?? 0).toFixed(1)},${y(value).toFixed(1)}`] : [],
    );
    const legendY = TOP + 8 + i * LEGEND_LINE;
    return (
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.3"/>` +
      `<text x="${WIDTH - RIGHT + 8}" y="${legendY}" fill="${colour}">${escaped(curve.name)}</text>`
    );
  });
  return [
    `<text x="${LEFT}" y="${TOP - 9}" font-weight="bold">${escaped(title)}</text>`,
    `<path d="${axis}" fill="none" stroke="#999"/>`,
    label(LEFT - 4, TOP + 4, String(top), "end"),
    label(LEFT - 4, HEIGHT - BOTTOM, "0", "end"),
    label(WIDTH - RIGHT, HEIGHT - 6, `${Math.round(end)} s`, "end"),
    ...drawn,
  ].join("");
}

/** 1, 2 or 5 times a power of ten, at or above. */
function niceMax(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((one) => one >= value) ?? 10 * power;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

// Output with ANSI colours as spans of plain text. Colours and weights are all it understands: cursor moves, titles, links,
// clipboards and every other order to a terminal are left out. It must never make HTML.
import { plain } from "./plain";

/** Text that looks one way. `fg` and `bg` are one of sixteen colours, 0 to 15. */
export interface Span {
  text: string;
  fg?: number;
  bg?: number;
  bold?: boolean;
  dim?: boolean;
  italic?: boolean;
  underline?: boolean;
  strike?: boolean;
  inverse?: boolean;
}

type Look = Omit<Span, "text">;

/** One order to a terminal: a control sequence, a string with its end (or cut off), or a two-character escape. */
const ORDER =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~]?)|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c|$)?|\u001b[ -/]*[0-~]?/g;

const LEVELS = [0, 95, 135, 175, 215, 255];
const SIXTEEN: [number, number, number][] = [
  [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
  [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
];

/** The nearest of the sixteen colours, which the theme can show with enough contrast. */
function nearest(r: number, g: number, b: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, [cr, cg, cb]] of SIXTEEN.entries()) {
    const far = (r - cr) ** 2 + (g - cg) ** 2 + (b - cb) ** 2;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

function indexed(n: number): number {
  if (n < 16) return n;
  if (n >= 232) return nearest(8 + (n - 232) * 10, 8 + (n - 232) * 10, 8 + (n - 232) * 10);
  const at = n - 16;
  return nearest(LEVELS[Math.floor(at / 36)] ?? 0, LEVELS[Math.floor(at / 6) % 6] ?? 0, LEVELS[at % 6] ?? 0);
}

function apply(look: Look, codes: number[]): Look {
  let next = { ...look };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code === 39) next.fg = undefined;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code === 49) next.bg = undefined;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48) {
      const wide = codes[i + 1] === 2;
      const colour = wide ? nearest(codes[i + 2] ?? 0, codes[i + 3] ?? 0, codes[i + 4] ?? 0) : indexed(codes[i + 2] ?? 0);
      if (code === 38) next.fg = colour;
      else next.bg = colour;
      i += wide ? 4 : 2;
    }
  }
  return next;
}

/** What is left of lines on which a carriage return went back to their start: the last that was written. */
function overwritten(text: string): string {
  if (!text.includes("\r")) return text;
  return text
    .split("\n")
    .map((line) => {
      const end = line.replace(/\r+$/, "");
      return end.slice(end.lastIndexOf("\r") + 1);
    })
    .join("\n");
}

/** The spans of an output. */
export function ansi(text: string): Span[] {
  const spans: Span[] = [];
  let look: Look = {};
  let from = 0;
  const whole = overwritten(text);
  const push = (to: number) => {
    if (to > from) spans.push({ ...look, text: plain(whole.slice(from, to)) });
  };
  for (const order of whole.matchAll(ORDER)) {
    push(order.index);
    from = order.index + order[0].length;
    if (order[2] === "m") {
      const given = (order[1] ?? "").replaceAll(":", ";");
      look = apply(look, given === "" ? [0] : given.split(";").slice(0, 64).map((n) => Number.parseInt(n, 10) || 0));
    }
  }
  push(whole.length);
  return spans;
}

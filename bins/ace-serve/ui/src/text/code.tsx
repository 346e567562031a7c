// Code by weight and slant: keywords bold, comments and strings by slant; no hue, and no grammar of its own beyond a line.
// It must never make HTML.
import type { ReactNode } from "react";

const WORDS = new Set(
  ("abstract and as async await break case catch class const continue crate def default defer del do dyn elif else enum export " +
    "extends extern final finally fn for from func function go if impl implements import in interface is lambda let loop match " +
    "mod mut new not or package pass pub public private protected raise ref return select self static struct super switch throw " +
    "trait try type typedef typeof union unsafe use using var void where while with yield").split(" "),
);
const TOKEN = /("(?:[^"\\]|\\.)*"?|'(?:[^'\\\n]|\\.)*'|`[^`]*`?)|(\/\/.*|\/\*.*?(?:\*\/|$)|(?<=^|\s)#(?!\[|!\[|include|define).*|(?<=^|\s)--\s.*)|([A-Za-z_]\w*)/g;
const LINE = 1000;

/** A line of code; `plain` files (text, Markdown, data) are left as they are. */
export function code(line: string, isCode = true): ReactNode {
  if (!isCode || line.length > LINE) return line;
  const out: ReactNode[] = [];
  let from = 0;
  for (const found of line.matchAll(TOKEN)) {
    const [text, , comment, word] = found;
    if (!comment && !(word && WORDS.has(word))) continue;
    if (found.index > from) out.push(line.slice(from, found.index));
    out.push(comment ? <em key={found.index}>{text}</em> : <b key={found.index}>{text}</b>);
    from = found.index + text.length;
  }
  if (out.length === 0) return line;
  out.push(line.slice(from));
  return out;
}

const TEXT = /\.(md|txt|json|jsonl|toml|lock|csv|tsv|log|ya?ml|html|svg|xml)$/i;

/** Whether a file's lines are code. */
export function isCode(path: string): boolean {
  return !TEXT.test(path) && path.includes(".");
}

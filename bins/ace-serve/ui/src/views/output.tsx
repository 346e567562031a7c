// What a call gave: output with its colours, and the diff of what it changed. Everything is text.
import { memo, useMemo, useState } from "react";
import type { BlobRef } from "../events/types";
import { files as readFiles, single } from "../model/diff";
import { ansi, type Span } from "../text/ansi";
import { code, isCode } from "../text/code";
import { firstLines } from "../text/plain";
import { bytes } from "../text/units";
import { blobUrl } from "../wire/api";
import { useBlob } from "./blob";

const LINES = 24;
const DIFF_LINES = 40;

function look(span: Span): string {
  return [
    span.fg !== undefined && `c${span.fg}`, span.bg !== undefined && `b${span.bg}`, span.inverse && "inv", span.dim && "dim",
  ].filter(Boolean).join(" ");
}

/** Text with colours. */
export const Ansi = memo(function Ansi({ text }: { text: string }) {
  const spans = useMemo(() => ansi(text), [text]);
  return spans.map((span, i) => {
    const cls = look(span);
    const body = span.bold ? <b>{span.text}</b> : span.italic ? <em>{span.text}</em> : span.underline ? <u>{span.text}</u> : span.text;
    return <span key={i} className={cls || undefined}>{body}</span>;
  });
});

/** An output: at most 24 lines, then all of it. */
export function Output({ text, whole, live, total }: { text: string; whole?: BlobRef; live?: boolean; total?: number }) {
  const [all, setAll] = useState(false);
  const blob = useBlob(whole, all);
  const source = all && blob.data !== undefined ? blob.data : text;
  const head = firstLines(live ? tail(source, LINES) : source, all ? 5000 : LINES);
  return (
    <div className="out" tabIndex={0} role="region" aria-label="output">
      <pre>
        <Ansi text={head.text} />
        {live && <span className="cur tlc" role="img" aria-label="still running" />}
      </pre>
      {!live && (head.cut || whole) && (
        <button type="button" className="more" onClick={() => setAll(!all)}>
          {all ? (blob.isLoading ? "loading…" : "fewer lines") : whole ? `all of it, ${bytes(total ?? whole.bytes)}` : `all ${head.lines} lines`}
        </button>
      )}
      {all && whole && <a className="lbl" href={blobUrl(whole.sha, "output.txt")} download>download</a>}
    </div>
  );
}

function tail(text: string, lines: number): string {
  const all = text.split("\n");
  return all.slice(-lines).join("\n");
}

/** A patch in one column, as a call shows it. */
export const Patch = memo(function Patch({ patch, blob, review }: { patch: string; blob?: BlobRef; review?: (path: string) => React.ReactNode }) {
  const [all, setAll] = useState(false);
  const loaded = useBlob(blob, true);
  const source = loaded.data ?? patch;
  const read = useMemo(() => readFiles(source), [source]);
  let left = all ? 5000 : DIFF_LINES;
  let hidden = 0;
  return read.map((file, n) => (
    <div className="out" key={n} tabIndex={0} role="region" aria-label={`changes of ${file.path}`}>
      <div className="cap"><span>{file.path}</span><span>{file.status === "modified" ? "" : file.status}</span><span className="e">{review?.(file.path)}</span></div>
      {file.binary && <div className="d dim">binary</div>}
      {file.hunks.map((hunk, h) => single(hunk.rows).map((row, i) => {
        if (left-- <= 0) return void hidden++;
        const side = row.kind === "removed" ? row.old : row.new;
        const cls = row.kind === "added" ? "d a" : row.kind === "removed" ? "d x" : "d";
        const kind = row.kind === "same" ? "" : row.kind;
        return (
          <span className={cls} key={`${h}-${i}`}>
            <i>{side?.n}</i>{kind && <span className="sr">{kind} </span>}
            {side?.words.map((word, j) => (word.mark ? <mark key={j}>{word.text}</mark> : <span key={j}>{code(word.text, isCode(file.path))}</span>))}
          </span>
        );
      }))}
      {n === read.length - 1 && (hidden > 0 || all) && (
        <button type="button" className="more" onClick={() => setAll(!all)}>{all ? "fewer lines" : `${hidden} more lines`}</button>
      )}
    </div>
  ));
});

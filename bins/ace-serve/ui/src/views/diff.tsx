// The review: what a call, a turn or the session changed, side by side; comments on lines become the next message.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Fragment, memo, useEffect, useMemo, useRef, useState } from "react";
import { type FilePatch, files as readFiles, type Row, type Side, single } from "../model/diff";
import type { Call } from "../model/items";
import { decided, outcome, subject } from "../model/subject";
import { code, isCode } from "../text/code";
import { plain } from "../text/plain";
import { many } from "../text/units";
import { type Diff, get, post, query } from "../wire/api";
import { ask } from "./composer";
import { useKeys, useMe, useSession, useTitle } from "./hooks";
import { act, type Comment, set, useLocal } from "./local";

const route = getRouteApi("/s/$id/diff");
/** Rows of one file that are shown before somebody asks for more. */
const ROWS = 600;

/** The message that comments make: path, line, the line itself, and what was said of it. */
export function message(comments: Comment[]): string {
  return comments.map((c) => `${c.path}:${c.line}${c.at ? ` (tree ${c.at.slice(0, 7)})` : ""}\n> ${c.quote}\n${c.text}`).join("\n\n");
}

/** The view. */
export function Review() {
  const { id } = route.useParams();
  const search = route.useSearch() as { seq?: number; scope?: "call" | "turn" | "session"; path?: string };
  const store = useSession(id);
  const me = useMe();
  const { columns, viewed, comments } = useLocal();
  const navigate = useNavigate();
  const { state } = store;
  useTitle(state.head.name);
  const scope = search.scope ?? "session";
  const calls = state.items.filter((i): i is Call => i.kind === "call" && (i.ended?.changed.length ?? 0) > 0);
  const call = calls.find((c) => c.seq === search.seq) ?? calls.at(-1);
  const turn = call?.turn ?? state.lastTurn?.turn ?? 0;
  const ends = state.items.find((i) => i.kind === "turn" && i.turn === turn);
  const seq = scope === "call" ? call?.seq : scope === "turn" ? (ends?.kind === "turn" ? ends.seq : undefined) : undefined;
  const newest = calls.at(-1)?.seq ?? 0;
  const diff = useQuery({
    queryKey: ["diff", id, scope, seq, newest], enabled: state.seq > 0 && (scope !== "call" || call?.ended?.patchBlob !== undefined) && (scope === "session" || seq !== undefined),
    queryFn: ({ signal }) => get<Diff>(`/sessions/${id}/diff${query({ seq })}`, signal), placeholderData: (before) => before,
  });
  // Every call's own patch stands in the log: what one call changed needs no server, and all of them, one after another, are what
  // there is to see where files are not recorded.
  const recorded = (scope === "call" ? [call] : calls.filter((c) => scope === "session" || c.turn === turn)).map((c) => c?.ended?.patch ?? "").filter(Boolean).join("\n");
  const own = recorded !== "" && (diff.isError || (scope === "call" && !call?.ended?.patchBlob));
  const patch = own ? recorded : (diff.data?.patch ?? "");
  const patches = useMemo(() => readFiles(patch), [patch]);
  const given = patches;
  const added = given.reduce((n, f) => n + f.added, 0);
  const removed = given.reduce((n, f) => n + f.removed, 0);
  const tree = state.treeAt(seq ?? state.seq);
  const mine = comments.filter((c) => c.session === id);
  const current = search.path ?? patches[0]?.path;
  const go = (next: Partial<typeof search>) => void navigate({ to: "/s/$id/diff", params: { id }, search: { ...search, ...next }, replace: true });
  const seen = (path: string) => viewed.includes(`${id}/${tree}/${path}`);
  const see = (path: string) => {
    const key = `${id}/${tree}/${path}`;
    set({ viewed: seen(path) ? viewed.filter((v) => v !== key) : [...viewed, key] });
  };
  const step = (by: number) => {
    const at = patches.findIndex((f) => f.path === current);
    const next = patches[Math.max(0, Math.min(patches.length - 1, at + by))];
    if (next) go({ path: next.path });
  };
  const send = async (now: boolean) => {
    const sent = await act(() => post(`/sessions/${id}/messages`, { text: message(mine), now }));
    if (sent) set({ comments: comments.filter((c) => c.session !== id) });
  };
  const [preview, setPreview] = useState(false);
  useKeys({ j: () => step(1), k: () => step(-1), v: () => current && see(current), L: () => ask("land", 0) });
  useEffect(() => document.getElementById(`file-${current}`)?.scrollIntoView({ block: "start" }), [current, patches.length]);
  const reads = [...state.files.values()].filter((f) => f.read.length > 0 && f.at.length === 0);
  const checks = state.items.filter((i): i is Call => i.kind === "call" && i.tool === "shell" && i.ended !== undefined).slice(-6);
  return (
    <div className="review">
      <div className="bar"><h1 className="el">{plain(state.head.name || id)}</h1>
        <span className="seg" role="group" aria-label="Scope">
          <button type="button" aria-pressed={scope === "call"} disabled={!call} onClick={() => go({ scope: "call", seq: call?.seq })}>call {call?.seq ?? ""}</button>
          <button type="button" aria-pressed={scope === "turn"} disabled={turn === 0} onClick={() => go({ scope: "turn", seq: call?.seq })}>turn {turn || ""}</button>
          <button type="button" aria-pressed={scope === "session"} onClick={() => go({ scope: undefined, seq: undefined })}>session</button>
        </span>
        <span className="dim wideonly">{many(given.length, "file")} <span className="plus">+{added}</span> <span className="minus">−{removed}</span>{tree && ` · tree ${tree.slice(0, 7)}`}</span><span className="sp" />
        <span className="seg layout" role="group" aria-label="Layout">
          <button type="button" aria-pressed={columns === 2} onClick={() => set({ columns: 2 })}>side by side</button>
          <button type="button" aria-pressed={columns === 1} onClick={() => set({ columns: 1 })}>one column</button>
        </span>
        {me?.scope !== "share" && state.head.worktree && <button type="button" onClick={() => ask("land", 0)}>Land… <kbd>L</kbd></button>}
      </div>
      <nav className="scroll files" aria-label="Files" tabIndex={0}>
        <h2>{many(patches.length, "file")} changed</h2>
        {patches.map((f, n) => (
          <Link key={`${n}-${f.path}`} to="/s/$id/diff" params={{ id }} search={{ ...search, path: f.path }} aria-current={f.path === current ? "true" : undefined}>
            <span aria-hidden="true">{seen(f.path) ? "○" : "●"}</span><span className="el">{f.path}<span className="sr">{seen(f.path) ? " viewed" : " not viewed"}</span></span>
            <span><span className="plus">+{f.added}</span> <span className="minus">−{f.removed}</span></span>
          </Link>
        ))}
        {reads.length > 0 && <h2>read, unchanged</h2>}
        {reads.slice(0, 40).map((f) => <Link key={f.path} to="/s/$id/files" params={{ id }} search={{ path: f.path }}><span /><span className="el mid">{plain(f.path)}</span><span className="dim">read</span></Link>)}
        {checks.length > 0 && <h2>what ran</h2>}
        {checks.map((c) => {
          const came = outcome(c);
          return <Link key={c.seq} to="/s/$id/timeline" params={{ id }} search={{ seq: c.seq }}><span className={came.tone === "no" ? "no" : "ok"}>{came.tone === "no" ? "✗" : "✓"}</span><span className="el">{subject(c.tool, c.args)}</span><span className="dim">{c.seq}</span></Link>;
        })}
        <p className="lbl" style={{ padding: "12px" }}>● not viewed · ○ viewed</p>
      </nav>
      <div className="scroll" tabIndex={0} role="region" aria-label="Changes">
        {diff.isError && (own ? scope !== "call" && <p className="empty mid">Call by call, as recorded: {diff.error.message}.</p> : <p className="empty no">✗ {diff.error.message}</p>)}
        {diff.data && patches.length === 0 && <div className="empty"><p>{scope === "session" ? "Nothing differs from where the session began." : "Nothing changed here."}</p></div>}
        {diff.data?.truncated && <p className="empty mid">The patch is longer than what is shown.</p>}
        {patches.map((f, n) => {
          const by = calls.filter((c) => c.ended?.changed.some((x) => x.path === f.path)).at(-1);
          return (
            <section key={`${n}-${f.path}`} id={`file-${f.path}`} aria-label={f.path}>
              <div className="fh"><b className="el">{f.path}</b>
                {f.status !== "modified" && <span className={f.status === "deleted" ? "no" : "ok"}>{f.status}{f.status === "renamed" && ` from ${f.oldPath}`}</span>}
                {by && <span className="dim wideonly">{plain(by.tool)} at <Link to="/s/$id/timeline" params={{ id }} search={{ seq: by.seq }}>{by.seq}</Link>, {decided(by)}</span>}<span className="sp" />
                <button type="button" className="bare" aria-pressed={seen(f.path)} onClick={() => see(f.path)}>{seen(f.path) ? <span className="ok">viewed</span> : "viewed"} <kbd className="wideonly">v</kbd></button></div>
              {f.binary ? <p className="empty">This file is no text.</p> : <Rows file={f} columns={columns} session={id} tree={tree} comments={mine.filter((c) => c.path === f.path)} />}
            </section>
          );
        })}
      </div>
      {mine.length > 0 && (
        <div className="next"><b className="you">next message</b><span>{many(mine.length, "comment")}</span><span className="dim el">quotes {mine.map((c) => `${c.path}:${c.line}`).join(", ")}, so the model sees the lines you saw</span><span className="sp" />
          <button type="button" aria-expanded={preview} onClick={() => setPreview(!preview)}>Preview</button>
          {state.turn && <button type="button" onClick={() => void send(true)}>Steer now</button>}
          <button type="button" className="pri" onClick={() => void send(false)}>{state.turn ? "Queue as next message" : "Send as next message"}</button>
          {preview && <dialog open aria-label="Preview"><h2>What the model will read</h2><pre className="json">{plain(message(mine))}</pre><footer><button type="button" onClick={() => setPreview(false)}>Close</button></footer></dialog>}
        </div>
      )}
    </div>
  );
}

const cells = (side: Side | undefined, isSource: boolean) => side?.words.map((word, i) => (word.mark ? <mark key={i}>{word.text}</mark> : <Fragment key={i}>{code(word.text, isSource)}</Fragment>));
const textOf = (side: Side | undefined) => side?.words.map((w) => w.text).join("") ?? "";

/** The rows of one file. */
const Rows = memo(function Rows({ file, columns, session, tree, comments }: { file: FilePatch; columns: 1 | 2; session: string; tree: string; comments: Comment[] }) {
  const [all, setAll] = useState(false);
  const [writing, setWriting] = useState<{ line: number; side: "old" | "new"; quote: string }>();
  const narrow = typeof matchMedia === "function" && matchMedia("(max-width: 1100px)").matches;
  const two = columns === 2 && !narrow;
  const source = isCode(file.path);
  let left = all ? 20_000 : ROWS;
  let hidden = 0;
  const number = (side: Side | undefined, which: "old" | "new") => (
    <td className={`n ${which === "new" && two ? "m" : ""}`}>{side && (
      <button type="button" aria-label={`comment on ${which} line ${side.n}`} onClick={() => setWriting({ line: side.n, side: which, quote: textOf(side) })}>{side.n}</button>
    )}</td>
  );
  const body = (row: Row, which: "old" | "new") => {
    const side = which === "old" ? row.old : row.new;
    const cls = !side ? "v" : row.kind === "same" ? "" : which === "old" ? "x" : "a";
    const said = cls === "x" ? "removed " : cls === "a" ? "added " : "";
    return <td className={cls}>{said && <span className="sr">{said}</span>}{cells(side, source)}</td>;
  };
  return (
    <table className="sbs">
      <colgroup>{two ? <><col style={{ width: 48 }} /><col /><col style={{ width: 48 }} /><col /></> : <><col style={{ width: 48 }} /><col /></>}</colgroup>
      <tbody>
        {file.hunks.map((hunk, h) => (
          <Fragment key={h}>
            <tr className="hunk"><td colSpan={two ? 4 : 2}>{hunk.label}{hunk.gap > 0 && ` · ${many(hunk.gap, "line")} between`}</td></tr>
            {(two ? hunk.rows : single(hunk.rows)).map((row, i) => {
              if (left-- <= 0) return void hidden++;
              const on = row.new ? { side: "new" as const, n: row.new.n } : { side: "old" as const, n: row.old?.n ?? 0 };
              const here = comments.filter((c) => c.side === on.side && c.line === on.n);
              const open = writing && writing.side === on.side && writing.line === on.n;
              const which = row.new ? "new" : "old";
              return (
                <Fragment key={i}>
                  {two ? <tr>{number(row.old, "old")}{body(row, "old")}{number(row.new, "new")}{body(row, "new")}</tr> : <tr>{number(row[which], which)}{body(row, which)}</tr>}
                  {(here.length > 0 || open) && (
                    <tr>{two && <td colSpan={2} className="v" />}<td colSpan={2}>
                      {here.map((c, n) => <Note key={n} comment={c} />)}
                      {open && <Note writing={{ session, path: file.path, line: writing.line, side: writing.side, quote: writing.quote, at: tree, text: "" }} done={() => setWriting(undefined)} />}
                    </td></tr>
                  )}
                </Fragment>
              );
            })}
          </Fragment>
        ))}
        {(hidden > 0 || all) && <tr className="hunk"><td colSpan={two ? 4 : 2}><button type="button" className="link" onClick={() => setAll(!all)}>{all ? "fewer lines" : `show ${hidden} more lines`}</button></td></tr>}
      </tbody>
    </table>
  );
});

/** A comment: a draft by a person, sent by nothing but the bar below. */
function Note({ comment, writing, done }: { comment?: Comment; writing?: Comment; done?: () => void }) {
  const { comments } = useLocal();
  const of = comment ?? writing;
  const [text, setText] = useState(of?.text ?? "");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => void (writing && field.current?.focus()), [writing?.line]);
  if (!of) return null;
  const keep = () => {
    if (text.trim() && writing) set({ comments: [...comments, { ...writing, text: text.trim() }] });
    done?.();
  };
  return (
    <div className="note"><header><b className="you">you</b><span>line {of.line} · draft, not sent</span></header>
      {comment ? <p>{plain(comment.text)}</p>
        : <textarea ref={field} rows={3} aria-label={`Comment on line ${of.line}`} value={text} onChange={(e) => setText(e.target.value)}
          onKeyDown={(e) => { if (e.key === "Enter" && (e.metaKey || e.ctrlKey)) { e.preventDefault(); keep(); } if (e.key === "Escape") done?.(); }} />}
      <footer>{writing && <button type="button" className="pri" onClick={keep}>Add to next message <kbd>⌘↵</kbd></button>}<span className="sp" />
        <button type="button" className="bare" onClick={() => (comment ? set({ comments: comments.filter((c) => c !== comment) }) : done?.())}>Discard</button></footer>
    </div>
  );
}

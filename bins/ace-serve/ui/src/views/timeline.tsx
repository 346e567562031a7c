// The timeline: every record in one line, virtual however many; the files at that moment and the line itself beside it.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Fragment, memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { Event } from "../events/types";
import { type Fold, fold } from "../model/fold";
import { FAILED, PRESETS, type Rows, select } from "../model/outline";
import { summary } from "../model/subject";
import { plain } from "../text/plain";
import { bytes, clockwork, many, time } from "../text/units";
import { get, type Tree } from "../wire/api";
import { range, type SessionStore } from "../wire/session";
import { ask } from "./composer";
import { between, useKeys, useMe, useSession, useStateAt, useTitle } from "./hooks";
import { act } from "./local";
import { useRows } from "./outline";
import { Replay } from "./replay";
import { voice } from "./words";

const PAGE = 400;
const route = getRouteApi("/s/$id/timeline");

/** Records of a stretch and the state that explains them; from the window where it holds them. */
function usePages(store: SessionStore, from: number, to: number) {
  const page = (n: number) => [n * PAGE + 1, (n + 1) * PAGE] as const;
  const outside = (n: number) => store.first > 0 && page(n)[0] < store.first;
  const [a, b] = [Math.floor(Math.max(0, from - 1) / PAGE), Math.floor(Math.max(0, to - 1) / PAGE)];
  const load = (n: number) => ({
    queryKey: ["events", store.id, n], enabled: outside(n), staleTime: Number.POSITIVE_INFINITY, gcTime: 60_000,
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const events = await range(store.id, page(n)[0], page(n)[1], signal);
      return { events, state: fold(events) };
    },
  });
  const first = useQuery(load(a));
  const second = useQuery({ ...load(b), enabled: b !== a && outside(b) });
  return (seq: number): { event: Event; state: Fold } | undefined => {
    if (store.first > 0 && seq >= store.first) {
      const event = store.events[seq - store.first];
      return event && { event, state: store.state };
    }
    for (const data of [first.data, second.data]) {
      const event = data?.events[seq - (data.events[0]?.seq ?? 0)];
      if (data && event?.seq === seq) return { event, state: data.state };
    }
    return undefined;
  };
}

const Line = memo(function Line(props: {
  seq: number; type: string; by: string; ms: number; failed: boolean; text: string | undefined; top: number; n: number; total: number; selected: boolean; future: boolean; pick: (seq: number) => void;
}) {
  const { seq, type, by, ms, failed, text, top, n, total, selected, future, pick } = props;
  const cls = `tl-r${Math.floor(n / 3) % 2 ? " odd" : ""}${future ? " fut" : ""}`;
  return (
    <div className={cls} role="row" aria-rowindex={n + 2} aria-selected={selected} id={`row-${seq}`} style={{ transform: `translateY(${top}px)` }} onClick={() => pick(seq)} data-total={total}>
      <span role="cell">{seq}</span><span role="cell" className="dim">{time(new Date(ms).toISOString(), true)}</span>
      <span role="cell" className={voice(by, type)}>{by}</span><span role="cell">{plain(type)}</span>
      <span role="cell" className={failed ? "no" : undefined}>{text ?? ""}</span>
    </div>
  );
});

/** The view. */
export function Timeline() {
  const { id } = route.useParams();
  const search = route.useSearch() as { seq?: number; show?: string; words?: string };
  const store = useSession(id);
  const me = useMe();
  const { rows, length } = useRows(store);
  const navigate = useNavigate();
  const seq = search.seq ?? (rows.head || store.state.seq);
  const preset = search.show ?? "all";
  const [words, setWords] = useState(search.words ?? "");
  const late = useDeferredValue(words);
  const chosen = useMemo(() => select(rows, preset, late), [rows, length, preset, late]);
  const count = chosen ? chosen.length : length;
  const rowAt = (i: number) => (chosen ? (chosen[i] ?? 0) : i);
  const box = useRef<HTMLDivElement>(null);
  const high = typeof matchMedia === "function" && matchMedia("(max-width: 720px)").matches ? 32 : 24;
  const virtual = useVirtualizer({ count, getScrollElement: () => box.current, estimateSize: () => high, overscan: 16 });
  const shown = virtual.getVirtualItems();
  const seqOf = (row: number) => rows.first + row;
  const record = usePages(store, seqOf(rowAt(shown[0]?.index ?? 0)), seqOf(rowAt(shown.at(-1)?.index ?? 0)));
  const { state } = useStateAt(store, search.seq);
  const go = (next: number | undefined) => void navigate({ to: "/s/$id/timeline", params: { id }, search: { ...search, seq: next, words: late || undefined }, replace: true });
  useTitle(store.state.head.name);
  const position = useMemo(() => {
    if (!chosen) return seq - rows.first;
    let at = 0;
    while (at < chosen.length - 1 && seqOf(chosen[at] ?? 0) < seq) at++;
    return at;
  }, [chosen, seq, rows.first, length]);
  useEffect(() => {
    if (count > 0) virtual.scrollToIndex(Math.max(0, Math.min(count - 1, position)), { align: "auto" });
  }, [position, count > 0]);
  const step = (by: number) => go(seqOf(rowAt(Math.max(0, Math.min(count - 1, position + by)))));
  const field = useRef<HTMLInputElement>(null);
  const selected = useRecord(store, record(seq), seq);
  useKeys({
    j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1), G: () => go(undefined), "/": () => field.current?.focus(),
    f: () => ask("fork", seq), w: () => ask("rewind", seq), C: () => selected && void navigator.clipboard?.writeText(JSON.stringify(selected)),
    o: () => void navigate({ to: "/s/$id", params: { id }, search: { seq } }), Enter: () => void navigate({ to: "/s/$id", params: { id }, search: { seq } }),
  });
  const span = length > 0 ? (rows.ms[length - 1] ?? 0) - (rows.ms[0] ?? 0) : 0;
  return (
    <div className="timeline">
      <div className="bar"><h1 className="el">{plain(store.state.head.name || id)}</h1>
        <span className="dim wideonly">{many(length, "event")} · {clockwork(span)}{chosen && ` · ${many(count, "row")} shown`}</span><Verified id={id} /><span className="sp" />
        <span className="seg" role="group" aria-label="Show">
          {Object.keys(PRESETS).map((name) => <button type="button" key={name} aria-pressed={preset === name} onClick={() => void navigate({ to: "/s/$id/timeline", params: { id }, search: { ...search, show: name === "all" ? undefined : name }, replace: true })}>{name}</button>)}
        </span>
        <input ref={field} className="wideonly" type="search" aria-label="Filter events" placeholder="type: by: turn: failed" value={words} onChange={(e) => setWords(e.target.value)} onKeyDown={(e) => e.key === "Escape" && e.currentTarget.blur()} />
      </div>
      <div className="tl-list" role="table" aria-label="Events" aria-rowcount={count + 1}>
        <div className="tl-h" role="row" aria-rowindex={1}>{["seq", "time", "program", "type", "summary"].map((name) => <span role="columnheader" key={name}>{name}</span>)}</div>
        <div className="scroll" ref={box} tabIndex={0} role="rowgroup" aria-label="Events">
          <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
            {shown.map((v) => {
              const row = rowAt(v.index);
              const at = seqOf(row);
              const found = record(at);
              return (
                <Line key={at} seq={at} type={rows.typeOf(row)} by={rows.byOf(row)} ms={rows.ms[row] ?? 0} failed={((rows.flag[row] ?? 0) & FAILED) !== 0} text={found && summary(found.event, found.state)}
                  top={v.start} n={v.index} total={count} selected={at === seq} future={at > seq} pick={go} />
              );
            })}
          </div>
        </div>
      </div>
      <aside className="side" aria-label="At this event">
        <Files id={id} seq={seq} state={state} shared={me?.scope === "share"} />
        <h2><span>Event {seq}</span><span className="dim">
          <Link to="/s/$id" params={{ id }} search={{ seq }}>session then</Link> · <button type="button" className="link" onClick={() => selected && void navigator.clipboard?.writeText(JSON.stringify(selected))}>copy</button></span></h2>
        <Json event={selected} />
      </aside>
      <Replay store={store} seq={seq} go={go} links={me?.scope === "share" ? undefined : (
        <><button type="button" className="link" onClick={() => ask("fork", seq)}>Fork at {seq}</button> · <button type="button" className="link" onClick={() => ask("rewind", seq)}>Rewind to {seq}</button></>
      )} />
    </div>
  );
}

/** One record, wherever it is. */
function useRecord(store: SessionStore, found: { event: Event } | undefined, seq: number): Event | undefined {
  const inside = store.first > 0 && seq >= store.first ? between(store.events, seq, seq)[0] : found?.event;
  const loaded = useQuery({
    queryKey: ["event", store.id, seq], enabled: inside === undefined && store.first > 0 && seq > 0, staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => get<Event>(`/sessions/${store.id}/events/${seq}`, signal),
  });
  return inside ?? loaded.data;
}

/** A line of the log: the envelope dimmed, the payload as it is. */
export function Json({ event }: { event: Event | undefined }) {
  if (!event) return <pre className="json dim">…</pre>;
  const { seq, ts, prev, pen, turn, cause, by, id, type, data } = event;
  const row = (name: string, value: unknown) => (value === undefined || value === "" ? null : <Fragment key={name}>{name.padEnd(6)} {plain(String(value))}{"\n"}</Fragment>);
  return (
    <pre className="json scroll" tabIndex={0} aria-label={`event ${seq}`}>
      <span className="dim">{row("seq", seq)}{row("ts", ts)}{row("pen", pen)}{row("turn", turn)}{row("prev", prev && `${prev.slice(0, 12)}…`)}{row("cause", cause)}{row("by", by)}{row("id", id)}</span>
      <b>{plain(type)}</b> {plain(JSON.stringify(data, null, 2) ?? "").slice(0, 60_000)}
    </pre>
  );
}

/** The files at a record, and what had been done to them by then. */
function Files({ id, seq, state, shared }: { id: string; seq: number; state: Fold; shared: boolean }) {
  const tree = state.treeAt(seq);
  const listing = useQuery({
    queryKey: ["tree", id, tree], enabled: !shared && seq > 0, staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => get<Tree>(`/sessions/${id}/tree?at=${seq}`, signal), placeholderData: (before) => before,
  });
  const files = listing.data?.files ?? [];
  const touched = [...state.files.values()].filter((f) => f.at.some((at) => at <= seq) || f.read.some((at) => at <= seq));
  const facts = new Map(touched.map((f) => [f.path, f]));
  const known = new Set(files.map((f) => f.path));
  const shown = [...touched.map((f) => f.path), ...files.map((f) => f.path).filter((path) => !facts.has(path))].slice(0, 400);
  return (
    <>
      <h2><span>Files at {seq}</span><span className="dim">{tree ? `tree ${tree.slice(0, 7)}` : many(files.length, "file")}</span></h2>
      <div className="scroll tree" tabIndex={0} role="region" aria-label="Files">
        {shown.map((path) => {
          const of = facts.get(path);
          const here = of?.at.includes(seq) ?? false;
          const size = files.find((f) => f.path === path)?.bytes;
          return (
            <Link key={path} to="/s/$id/files" params={{ id }} search={{ seq, path }} aria-current={here ? "true" : undefined}>
              <span className="el">{plain(path)}</span>
              <span className="dim">{of && of.at.length > 0 ? <><span className="plus">+{of.added}</span> <span className="minus">−{of.removed}</span></> : of ? `read at ${of.read[0]}` : size !== undefined && known.has(path) ? bytes(size) : ""}</span>
            </Link>
          );
        })}
        {shown.length === 0 && <p className="lbl" style={{ padding: "0 16px" }}>{listing.data?.why ?? "no files recorded here"}</p>}
      </div>
    </>
  );
}

/** Whether the chain of the log is whole; asked for when somebody looks. */
export function Verified({ id }: { id: string }) {
  const me = useMe();
  const checked = useQuery({ queryKey: ["verify", id], enabled: me?.scope === "owner", staleTime: 60_000, queryFn: ({ signal }) => get<{ whole: boolean; lines: number; seq: number | null; fault?: string }>(`/sessions/${id}/verify`, signal) });
  if (!checked.data) return null;
  const { whole, lines, seq, fault } = checked.data;
  return whole
    ? <button type="button" className="link ok wideonly" title="verify again" onClick={() => void act(() => checked.refetch())}>✓ chain verified to {lines}</button>
    : <Link className="no" to="/s/$id/timeline" params={{ id }} search={{ seq: seq ?? 1 }}>✗ damaged at {seq}{fault && `: ${plain(fault)}`}</Link>;
}

export type { Rows };

// The transcript: virtual rows, the running turn's line stuck to the top, and following the end until somebody scrolls up.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Fold } from "../model/fold";
import type { Turn } from "../model/items";
import { rows as rowsOf } from "../model/rows";
import type { SessionStore } from "../wire/session";
import { useKeys } from "./hooks";
import { Row, TurnLine } from "./items";
import { set, useLocal } from "./local";

/** Pixels from the end within which the end is followed. */
const NEAR = 60;

/** All that was said and done. */
export function Transcript({ store, state, past, focus }: { store: SessionStore; state: Fold; past: boolean; focus: boolean }) {
  const { selected } = useLocal();
  const rows = useMemo(() => rowsOf(state), [state, state.version]);
  const box = useRef<HTMLDivElement>(null);
  const follow = useRef(true);
  const [behind, setBehind] = useState(0);
  const seen = useRef(0);
  const virtual = useVirtualizer({
    count: rows.length, getScrollElement: () => box.current, overscan: 12, estimateSize: (i) => {
      const row = rows[i];
      return row && "item" in row && (row.item.kind === "call" || row.item.kind === "turn" || row.item.kind === "note") ? 24 : 72;
    },
    getItemKey: (i) => rows[i]?.key ?? i,
  });
  const newestEdit = useMemo(() => {
    for (let i = state.items.length - 1; i >= 0; i--) {
      const item = state.items[i];
      if (item?.kind === "call" && (item.ended?.changed.length ?? 0) > 0) return item.seq;
    }
    return 0;
  }, [state, state.version]);

  const end = () => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  };
  useLayoutEffect(() => {
    if (follow.current) {
      if (rows.length > 0) virtual.scrollToIndex(rows.length - 1, { align: "end" });
      requestAnimationFrame(end);
      seen.current = rows.length;
      setBehind(0);
    } else setBehind(Math.max(0, rows.length - seen.current));
  }, [rows, virtual.getTotalSize()]);
  useEffect(() => {
    follow.current = true;
  }, [store.id]);

  const scrolled = () => {
    const element = box.current;
    if (!element) return;
    const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    if (near && !follow.current) setBehind(0);
    if (!near && follow.current) seen.current = rows.length;
    follow.current = near;
    if (element.scrollTop < 200 && store.first > 1 && !past) void store.earlier();
  };
  const calls = rows.flatMap((row, i) => ("item" in row && row.item.kind === "call" ? [{ i, id: row.item.id }] : []));
  const step = (by: number) => {
    const at = calls.findIndex((c) => c.id === selected);
    const next = calls[at < 0 ? (by > 0 ? 0 : calls.length - 1) : Math.max(0, Math.min(calls.length - 1, at + by))];
    if (!next) return;
    follow.current = false;
    set({ selected: next.id });
    virtual.scrollToIndex(next.i, { align: "auto" });
  };
  const toggle = () => box.current?.querySelector<HTMLButtonElement>(`[data-call="${CSS.escape(selected)}"] > button`)?.click();
  useKeys({
    j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), o: toggle,
    G: () => { follow.current = true; end(); setBehind(0); },
    g: () => { follow.current = false; virtual.scrollToIndex(0); },
  }, focus);

  const shown = virtual.getVirtualItems();
  const top = virtual.scrollOffset ?? 0;
  const firstShown = shown.find((v) => v.end > top)?.index ?? 0;
  let stuck: Turn | undefined;
  for (let i = firstShown; i >= 0; i--) {
    const row = rows[i];
    if (row && "item" in row && row.item.kind === "turn") {
      if (i < firstShown || (shown.find((v) => v.index === i)?.start ?? 0) < top) stuck = row.item;
      break;
    }
  }
  return (
    <div className="stage">
      {stuck && <TurnLine turn={stuck} past={past} stuck />}
      <div className="scroll log" ref={box} onScroll={scrolled} role="log" aria-label="Transcript" aria-live="off" tabIndex={0}>
        <div className="in" style={{ height: virtual.getTotalSize() }}>
          {shown.map((v) => {
            const row = rows[v.index];
            if (!row) return null;
            const item = "item" in row ? row.item : undefined;
            const live = item?.kind === "call" && item.started ? state.live.get(item.started.id) : undefined;
            return (
              <div className="at" key={v.key} data-index={v.index} ref={virtual.measureElement} style={{ transform: `translateY(${v.start}px)` }}>
                <Row row={row} session={store.id} selected={selected} newestEdit={newestEdit} past={past} live={live} undone={item ? state.isUndone(item.born) : false} />
              </div>
            );
          })}
        </div>
      </div>
      {behind > 0 && <button type="button" className="follow" onClick={() => { follow.current = true; end(); setBehind(0); }}>{behind} new ↓</button>}
      <Announce state={state} past={past} />
    </div>
  );
}

/** Says finished answers and decisions to who listens, never drafts. */
function Announce({ state, past }: { state: Fold; past: boolean }) {
  const last = state.items.at(-1);
  const [said, setSaid] = useState("");
  const began = useRef(state.seq);
  useEffect(() => {
    // What stood there when somebody came, or came back from the past, is not news.
    if (past) began.current = Number.POSITIVE_INFINITY;
    else if (began.current === Number.POSITIVE_INFINITY) began.current = state.seq;
    if (past || !last || last.seq <= began.current) return;
    if (last.kind === "answer") setSaid(last.pieces.map((p) => (p.kind === "text" ? p.text : "")).join(" ").slice(0, 600));
    if (last.kind === "call" && last.state === "asked") setSaid(`a decision waits: ${last.tool}`);
  }, [last, past]);
  return <div className="sr" aria-live="polite">{said}</div>;
}

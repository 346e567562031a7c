// The panel at the right: what waits for a decision, the selected call, cost and context. One scroll, most urgent first.
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Fold } from "../model/fold";
import type { Call } from "../model/items";
import { decided, outcome, subject } from "../model/subject";
import { plain } from "../text/plain";
import { bytes, count, duration, many, money, time } from "../text/units";
import type { Session } from "../wire/api";
import type { SessionStore } from "../wire/session";
import { Bars } from "./bars";
import { ask } from "./composer";
import { Decide } from "./decide";
import { useLocal } from "./local";

/** Who answered, for as long as it matters. */
const GONE_MS = 5000;

/** The assist panel of a session. */
export function Assist({ store, state, facts, past, focus, readOnly }: {
  store: SessionStore; state: Fold; facts?: Session; past: boolean; focus: boolean; readOnly: boolean;
}) {
  const { selected } = useLocal();
  const asked = state.asked;
  const [n, setN] = useState(0);
  const at = Math.min(n, Math.max(0, asked.length - 1));
  const current = asked[at];
  const answered = useAnswered(state, current?.id);
  const call = state.call(selected) ?? lastCall(state);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Assist">
      {current && !past && !readOnly && (
        <Decide key={current.id} session={store.id} call={current} ask={facts?.asks.find((a) => a.call === current.id)} n={at} of={asked.length} next={() => setN((at + 1) % asked.length)} focus={focus} />
      )}
      {answered && <section className="card" aria-live="polite"><p className="mid">{decided(answered)} · {plain(answered.tool)} {subject(answered.tool, answered.args)}</p></section>}
      {call && <Inspector call={call} session={store.id} readOnly={readOnly} />}
      <CostCard state={state} facts={facts} past={past} />
      <Work state={state} session={store.id} />
    </div>
  );
}

function lastCall(state: Fold): Call | undefined {
  for (let i = state.items.length - 1; i >= 0; i--) {
    const item = state.items[i];
    if (item?.kind === "call" && item.state !== "asked") return item;
  }
  return undefined;
}

/** The question that somebody has just answered, here or elsewhere. */
function useAnswered(state: Fold, current: string | undefined): Call | undefined {
  const [before, setBefore] = useState<string>();
  const [shown, setShown] = useState<string>();
  useEffect(() => {
    if (before && before !== current) {
      const call = state.call(before);
      if (call?.answered) {
        setShown(before);
        const timer = setTimeout(() => setShown(undefined), GONE_MS);
        setBefore(current);
        return () => clearTimeout(timer);
      }
    }
    setBefore(current);
    return undefined;
  }, [current]);
  return shown ? state.call(shown) : undefined;
}

/** One argument in a line: what has several says how many. */
function argument(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const lines = text.replace(/\n$/, "").split("\n").length;
  return lines > 1 ? many(lines, "line") : plain(text).slice(0, 400);
}

/** Everything about one call. */
export function Inspector({ call, session, readOnly }: { call: Call; session: string; readOnly: boolean }) {
  const end = call.ended;
  const by = call.answered;
  const came = outcome(call);
  const args = call.args && typeof call.args === "object" ? Object.entries(call.args as Record<string, unknown>) : [];
  const took = by && call.asked ? Date.parse(by.ts) - Date.parse(call.asked.ts) : undefined;
  const copy = () => void navigator.clipboard?.writeText(JSON.stringify(call, null, 2));
  return (
    <section className="card" aria-label={`call ${call.tool}`}>
      <h2><span className="el"><span className="tl">{plain(call.tool)}</span> {subject(call.tool, call.args)}</span>
        <Link className="dim nw" to="/s/$id/timeline" params={{ id: session }} search={{ seq: call.seq }}>seq {call.born === call.seq ? call.seq : `${call.born}–${call.seq}`}</Link></h2>
      <dl className="kv">
        <dt>arguments</dt>
        <dd>{call.argsBlob ? `${bytes(call.argsBlob.bytes)} in a blob` : args.length === 0 ? "none" : args.map(([key, value]) => (
          <div key={key}><span className="dim">{plain(key)}</span> {argument(value)}</div>
        ))}</dd>
        <dt>decision</dt>
        <dd>{by ? <><span className={by.allowed ? "ok" : "no"}>{by.allowed ? "allow" : "deny"}</span>{by.who === "rule" ? " · rule" : ` ${by.scope} · ${plain(by.who)}`}{took !== undefined && ` · ${duration(took)}`}</> : call.state === "asked" ? <span className="prm">? waits</span> : "none yet"}</dd>
        {by && <><dt>rule</dt><dd>{by.rule ? plain(by.rule) : call.asked ? `none matched; ${plain(call.asked.rule)}` : "none"}{by.layer && ` · ${plain(by.layer)}`}</dd></>}
        {by?.why && <><dt>why</dt><dd>{plain(by.why)}</dd></>}
        {end?.sandbox && <><dt>sandbox</dt><dd>{end.sandbox === "off" ? <b className="no">off</b> : plain(end.sandbox)}</dd></>}
        {end && <><dt>duration</dt><dd>{duration(end.ms)}</dd></>}
        {end && <><dt>result</dt><dd><span className={came.tone === "dim" ? "ok" : came.tone}>{came.tone === "dim" ? "ok" : came.text}</span>
          {(end.output?.bytes ?? 0) > 0 && ` · ${bytes(end.output?.bytes ?? 0)}`}{end.tree && ` · tree ${end.tree.slice(0, 7)}`}</dd></>}
        {end && end.changed.length > 0 && (
          <><dt>files</dt><dd>{end.changed.map((c) => <div key={c.path}>{plain(c.path)} <span className="plus">+{c.added}</span> <span className="minus">−{c.removed}</span></div>)}
            {end.changedMore > 0 && `and ${end.changedMore} more`}</dd></>
        )}
      </dl>
      <p style={{ marginTop: 8, display: "flex", gap: 6 }}>
        {!readOnly && call.ended && <button type="button" onClick={() => ask("fork", call.seq)}>Fork from here</button>}
        <button type="button" onClick={copy}>Copy as JSON</button>
      </p>
    </section>
  );
}

/** Money, tokens, cache, and a bar for each request. */
function CostCard({ state, facts, past }: { state: Fold; facts?: Session; past: boolean }) {
  const { totals, head } = state;
  // A window that begins in the middle knows only its own part; the server knows all.
  const whole = past || state.first <= 1 || !facts;
  const cost = whole ? (totals.requests.length > 0 && totals.unpriced === totals.requests.length ? null : totals.cost) : facts.cost;
  const input = whole ? totals.input + totals.cacheRead + totals.cacheWrite : facts.tokens.input + facts.tokens.cache_read + facts.tokens.cache_write;
  const cached = whole ? totals.cacheRead : facts.tokens.cache_read;
  const output = whole ? totals.output : facts.tokens.output;
  const limit = head.limits.money ?? facts?.limits.money;
  const last = totals.requests.at(-1)?.usage;
  const context = last ? (last.input ?? 0) + (last.cache_read ?? 0) + (last.cache_write ?? 0) + (last.output ?? 0) : 0;
  return (
    <section className="card" aria-label="Cost and context">
      <h2><span>Cost and context</span><Link className="dim" to="/usage" search={{}}>usage</Link></h2>
      <div className="nums">
        <div><b>{cost === null ? "–" : money(cost)}</b><small>{cost === null ? "no price" : limit ? `of ${money(limit, 2)}` : "so far"}</small></div>
        <div><b>{count(input + output)}</b><small>in {totals.requests.length} requests</small></div>
        <div><b>{input > 0 ? `${Math.round((100 * cached) / input)} %` : "–"}</b><small>input cached</small></div>
      </div>
      {totals.requests.length > 0 && <Bars requests={totals.requests} />}
      <p className="leg" style={{ marginTop: 6 }}><i style={{ background: "var(--h2)" }} />from cache<i style={{ background: "var(--ink)", marginLeft: 10 }} />new input<span className="sp" />
        context {count(context)}{head.limits.context ? ` of ${count(head.limits.context)}` : ""}</p>
    </section>
  );
}

/** Files changed so far. */
function Work({ state, session }: { state: Fold; session: string }) {
  const changed = [...state.files.values()].filter((f) => f.at.length > 0);
  if (changed.length === 0) return null;
  return (
    <section className="card" aria-label="Files changed">
      <h2><span>Files changed</span><Link className="dim" to="/s/$id/diff" params={{ id: session }} search={{}}>review</Link></h2>
      <dl className="kv" style={{ gridTemplateColumns: "minmax(0,1fr) auto" }}>
        {changed.slice(0, 12).map((f) => (
          <div key={f.path} style={{ display: "contents" }}><dd>{plain(f.path)}</dd><dd><span className="plus">+{f.added}</span> <span className="minus">−{f.removed}</span></dd></div>
        ))}
      </dl>
      <p className="lbl">{changed.length > 12 && `and ${changed.length - 12} more · `}as of {time(state.ts)}</p>
    </section>
  );
}

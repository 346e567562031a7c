// Runs of one task side by side: rows are measures on one scale, passing runs first, best among those that pass only.
import { useQueries } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useMemo } from "react";
import { commands, differs, type Step, steps } from "../model/compare";
import { files as readFiles, single } from "../model/diff";
import { plain } from "../text/plain";
import { clockwork, count, many, money } from "../text/units";
import { type Cost, type Diff, get, type Page, type Session } from "../wire/api";
import { useCards, useTitle } from "./hooks";
import { STATES } from "./words";

const route = getRouteApi("/compare");

interface Run { id: string; facts?: Session; cost?: Cost; diff?: Diff; last: string; steps: Step[] }

/** Records of a run that are looked through for its calls. */
const LOOKED = 3000;

const passed = (run: Run) => run.facts?.state === "done";
const wall = (run: Run) => (run.facts ? Math.max(0, Date.parse(run.facts.last) - Date.parse(run.facts.created)) : undefined);
const tokens = (run: Run) => {
  const t = run.facts?.tokens;
  return t && t.input + t.cache_read + t.cache_write + t.output;
};

/** The view. */
export function Compare() {
  const { s = "" } = route.useSearch() as { s?: string };
  const ids = s.split(",").filter(Boolean).slice(0, 12);
  const cards = useCards();
  const navigate = useNavigate();
  useTitle("compare");
  const of = <T,>(key: string, path: (id: string) => string) => useQueries({ queries: ids.map((id) => ({ queryKey: [key, id, "compare", cards.find((c) => c.id === id)?.head], queryFn: ({ signal }: { signal: AbortSignal }) => get<T>(path(id), signal) })) });
  const facts = of<Session>("session", (id) => `/sessions/${id}`);
  const costs = of<Cost>("cost", (id) => `/sessions/${id}/cost`);
  const diffs = of<Diff>("diff", (id) => `/sessions/${id}/diff`);
  const answers = of<Page>("answers", (id) => `/sessions/${id}/events?tail=400`);
  const pages = of<Page>("calls", (id) => `/sessions/${id}/events?from=1&limit=${LOOKED}`);
  const stamp = pages.map((page) => page.dataUpdatedAt).join(" ");
  const done = useMemo(() => pages.map((page) => steps(page.data?.events ?? [])), [stamp, s]);
  const runs: Run[] = ids.map((id, i) => {
    const events = answers[i]?.data?.events ?? [];
    const last = [...events].reverse().find((e) => e.type === "model.completed" && ((e.data as { parts?: unknown[] })?.parts?.length ?? 0) > 0);
    const parts = (last?.data as { parts?: { text?: string }[] } | undefined)?.parts ?? [];
    return { id, facts: facts[i]?.data, cost: costs[i]?.data, diff: diffs[i]?.data, last: parts.map((p) => p.text ?? "").join(" "), steps: done[i] ?? [] };
  }).sort((a, b) => Number(passed(b)) - Number(passed(a)));
  const toggle = (id: string) => void navigate({ to: "/compare", search: { s: (ids.includes(id) ? ids.filter((x) => x !== id) : [...ids, id]).join(",") }, replace: true });
  const best = (value: (run: Run) => number | undefined | null, high = false) => {
    const known = runs.filter(passed).map((run) => ({ run, n: value(run) })).filter((x): x is { run: Run; n: number } => typeof x.n === "number");
    // Who is as good as all others is not better.
    if (known.length < 2 || known.every((x) => x.n === known[0]?.n)) return undefined;
    return known.reduce((a, b) => ((high ? b.n > a.n : b.n < a.n) ? b : a)).run.id;
  };
  const row = (name: string, show: (run: Run) => ReactNode, value?: (run: Run) => number | undefined | null, meter = false, high = false) => {
    const won = value && best(value, high);
    const top = value ? Math.max(1, ...runs.map((run) => value(run) ?? 0)) : 1;
    return (
      <tr><th scope="row">{name}</th>{runs.map((run) => (
        <td key={run.id} className={won === run.id ? "best" : undefined}>{show(run)}{won === run.id && <span className="lbl"> best</span>}
          {meter && value && <div className="meter"><i style={{ width: `${(100 * (value(run) ?? 0)) / top}%` }} /></div>}</td>
      ))}</tr>
    );
  };
  const longest = Math.max(1, ...runs.map((run) => wall(run) ?? 0));
  const all = runs.map((run) => run.steps);
  const first = differs(all);
  const at = (run: Run, step: Step | undefined) => (step ? (
    <><Link to="/s/$id/timeline" params={{ id: run.id }} search={{ seq: step.seq }}>{plain(step.told)}</Link> <span className={step.tone === "no" ? "no" : step.tone === "ok" ? "ok" : "dim"}>{step.came}</span></>
  ) : <span className="dim">no further call</span>);
  return (
    <div className="page">
      <div className="bar"><h1>Compare</h1><span className="dim">{many(runs.length, "run")}</span><span className="sp" />
        <select aria-label="add a session" value="" onChange={(e) => e.target.value && toggle(e.target.value)}><option value="">add a session…</option>{cards.filter((c) => !ids.includes(c.id)).slice(0, 100).map((c) => <option key={c.id} value={c.id}>{plain(c.name)} · {plain(c.model)}</option>)}</select>
        {ids.length > 1 && <Link className="button" to="/tiles" search={{ s }}>Tile them</Link>}</div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Runs">
        {runs.length === 0 ? <div className="empty"><p>Choose two sessions of one task to see them side by side. A new session with several runs opens here.</p></div> : (
          <table className="cmp">
            <thead><tr><td />{runs.map((run) => (
              <th key={run.id} scope="col" className={passed(run) ? "p" : run.facts?.state === "failed" ? "f" : undefined}><b className="el">{plain(run.facts?.name ?? run.id)}</b>{plain(run.facts?.model ?? "")}<br />{run.facts?.mode}</th>
            ))}</tr></thead>
            <tbody>
              {row("verdict", (run) => { const st = STATES[run.facts?.state ?? "new"]; return <span className={`verdict ${st.tone}`}>{st.glyph} {st.word}</span>; })}
              {row("cost", (run) => <span className="v">{run.facts ? money(run.facts.cost) : "…"}</span>, (run) => run.facts?.cost, true)}
              {row("tokens", (run) => <><span className="v">{count(tokens(run) ?? 0)}</span> <span className="dim">out {count(run.facts?.tokens.output ?? 0)}</span></>, tokens, true)}
              {row("from cache", (run) => { const t = run.facts?.tokens; const all = t ? t.input + t.cache_read + t.cache_write : 0; return <span className="v">{all > 0 && t ? `${Math.round((100 * t.cache_read) / all)} %` : "none reported"}</span>; })}
              {row("calls", (run) => <><span className="v">{run.facts?.calls ?? 0}</span> <span className="dim">{run.cost?.tools.slice(0, 4).map((t) => `${t.calls} ${t.tool}`).join(", ")}</span></>, (run) => run.facts?.calls)}
              {row("asked you", (run) => <span className="v">{run.cost ? (run.cost.waited_ms > 0 ? `waited ${clockwork(run.cost.waited_ms)}` : "never") : "…"}</span>)}
              {row("wall", (run) => <span className="v">{clockwork(wall(run) ?? 0)}</span>, wall)}
              {row("time", (run) => <Strip run={run} longest={longest} />)}
              {runs.length > 1 && row("first differs", (run) => (first === undefined ? <span className="dim">nowhere: the same calls with the same results</span> : <><span className="dim">call {first + 1}</span> {at(run, run.steps[first])}</>))}
              {commands(all).map(({ told, last }) => (
                <tr key={told}><th scope="row" className="el" title={told}>{plain(told.replace(/^shell /, ""))}</th>{runs.map((run, i) => (
                  <td key={run.id}>{last[i] ? <Link className={last[i]?.tone === "no" ? "no" : "ok"} to="/s/$id/timeline" params={{ id: run.id }} search={{ seq: last[i]?.seq ?? 1 }}>{last[i]?.tone === "no" ? "✗" : "✓"} {last[i]?.came}</Link> : <span className="dim">not run</span>}</td>
                ))}</tr>
              ))}
              {row("diff", (run) => <span className="v">{many(run.diff?.files.length ?? 0, "file")} <span className="plus">+{run.diff?.files.reduce((n, f) => n + f.added, 0) ?? 0}</span> <span className="minus">−{run.diff?.files.reduce((n, f) => n + f.removed, 0) ?? 0}</span></span>)}
              {row("the change", (run) => <Change diff={run.diff} />)}
              {row("last words", (run) => <span className="say">{plain(run.last).slice(0, 280)}</span>)}
              {row("", (run) => <><Link className="button" to="/s/$id" params={{ id: run.id }} search={{}}>Open</Link> <Link className="button" to="/s/$id/diff" params={{ id: run.id }} search={{}}>Diff</Link> <button type="button" className="bare" onClick={() => toggle(run.id)}>Drop</button></>)}
            </tbody>
          </table>
        )}
        {runs.length > 0 && <p className="leg" style={{ padding: 12 }}><i style={{ background: "var(--model)" }} /> model <i style={{ background: "var(--tool)" }} /> tools<span className="sp" />best is named among passing runs only · one time scale, 0 to {clockwork(longest)}</p>}
      </div>
    </div>
  );
}

function Strip({ run, longest }: { run: Run; longest: number }) {
  const start = Date.parse(run.facts?.created ?? "");
  const model = (run.cost?.requests ?? []).map((r) => [Date.parse(r.ts) - r.ms - start, r.ms] as const);
  const say = `${many(model.length, "request")} to the model over ${clockwork(wall(run) ?? 0)}`;
  return (
    <svg viewBox="0 0 300 30" width="100%" height="30" preserveAspectRatio="none" role="img" aria-label={say}>
      <line className="ax" x1="0" x2="300" y1="29" y2="29" />
      <rect x="0" y="14" width={(300 * (wall(run) ?? 0)) / longest} height="3" fill="var(--tool)" opacity="0.5" />
      {model.map(([at, ms], i) => <rect key={i} x={(300 * Math.max(0, at)) / longest} y="2" width={Math.max(1, (300 * ms) / longest)} height="10" fill="var(--model)" />)}
    </svg>
  );
}

function Change({ diff }: { diff?: Diff }) {
  const file = readFiles(diff?.patch ?? "").sort((a, b) => b.added + b.removed - a.added - a.removed)[0];
  const rows = file?.hunks.flatMap((h) => single(h.rows)).filter((r) => r.kind !== "same").slice(0, 6) ?? [];
  if (!file) return <span className="dim">nothing</span>;
  return (
    <><span className="lbl">{file.path}</span><pre>{rows.map((row, i) => (
      <span className={row.kind === "added" ? "d a el" : "d x el"} key={i}>{(row.new ?? row.old)?.words.map((w) => w.text).join("")}</span>
    ))}</pre></>
  );
}

/** Two or four sessions at once; the one with the focus owns the keys. */
export { Tiles } from "./tiles";

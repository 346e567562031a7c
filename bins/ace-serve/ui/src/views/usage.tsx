// Usage: what was spent, on what, and when. Every figure says its unit; a missing price is said, never zero.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { plain } from "../text/plain";
import { count, many, money } from "../text/units";
import { type Costs, get, query } from "../wire/api";
import { useTitle } from "./hooks";

const Trend = lazy(() => import("./chart"));
const route = getRouteApi("/usage");
const DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

/** The view. */
export function Usage() {
  const { since = "30d" } = route.useSearch() as { since?: string };
  const navigate = useNavigate();
  useTitle("usage");
  const costs = useQuery({ queryKey: ["costs", since], queryFn: ({ signal }) => get<Costs>(`/cost${query({ since })}`, signal), refetchInterval: 60_000 });
  const data = costs.data;
  const days = data?.days ?? [];
  const spent = days.reduce((n, d) => n + (d.cost ?? 0), 0);
  const all = days.reduce((n, d) => n + d.tokens, 0);
  const unpriced = days.reduce((n, d) => n + (d.unpriced ?? 0), 0);
  const sessions = data?.sessions ?? [];
  const kinds = sessions.reduce((t, s) => ({ input: t.input + s.tokens.input + s.tokens.cache_write, cached: t.cached + s.tokens.cache_read, output: t.output + s.tokens.output }), { input: 0, cached: 0, output: 0 });
  const models = new Map<string, { cost: number; priced: boolean; tokens: number }>();
  for (const day of days) for (const [name, m] of Object.entries(day.models ?? {})) {
    const had = models.get(name) ?? { cost: 0, priced: false, tokens: 0 };
    models.set(name, { cost: had.cost + (m.cost ?? 0), priced: had.priced || m.cost !== null, tokens: had.tokens + m.tokens });
  }
  const ranked = [...models].sort((a, b) => b[1].cost - a[1].cost || b[1].tokens - a[1].tokens);
  const top = Math.max(1, ...ranked.map(([, m]) => m.tokens));
  const dear = [...sessions].sort((a, b) => (b.cost ?? 0) - (a.cost ?? 0)).slice(0, 12);
  return (
    <div className="page">
      <div className="bar"><h1>Usage</h1><span className="sp" />
        <span className="seg" role="group" aria-label="Since">{["1d", "7d", "30d", "365d"].map((d) => <button type="button" key={d} aria-pressed={since === d} onClick={() => void navigate({ to: "/usage", search: { since: d }, replace: true })}>{d === "1d" ? "today" : d === "365d" ? "year" : d.replace("d", " days")}</button>)}</span></div>
      <div className="scroll grid" tabIndex={0} role="region" aria-label="Usage">
        {costs.isError && <p className="empty no w12">✗ {costs.error.message}</p>}
        {!costs.isError && <>
        <div className="cell w3"><h2>Spend</h2><b className="big">{money(spent, 2)}</b><p className="lbl">{unpriced > 0 ? `and ${many(unpriced, "request")} with no price` : "everything has a price"}</p></div>
        <div className="cell w3"><h2>Tokens</h2><b className="big">{count(all)}</b><p className="lbl">{count(kinds.output)} written by models</p></div>
        <div className="cell w3"><h2>From cache</h2><b className="big">{kinds.input + kinds.cached > 0 ? `${Math.round((100 * kinds.cached) / (kinds.input + kinds.cached))} %` : "–"}</b><p className="lbl">of all input</p></div>
        <div className="cell w3"><h2>Sessions</h2><b className="big">{sessions.length}</b><p className="lbl">{sessions.length > 0 ? `${money(spent / sessions.length)} a session` : "none in this time"}</p></div>
        <div className="cell w8"><h2>By day <span>{since === "1d" ? "today" : many(days.length, "day") + " with work"}</span></h2>
          <Suspense fallback={<div className="sk"><i /><i /></div>}><Trend days={days} /></Suspense></div>
        <div className="cell w4"><h2>When <span>weekday × hour</span></h2><Heat hours={data?.hours ?? []} /></div>
        <div className="cell w7"><h2>By model</h2>
          <div className="mrow hd"><span>model</span><span>tokens</span><span className="r">tokens</span><span className="r">cost</span><span className="r">share</span></div>
          {ranked.map(([name, m]) => <div className="mrow" key={name}><span className="el">{plain(name)}</span><span className="hb"><i style={{ width: `${(100 * m.tokens) / top}%` }} /></span><span className="r">{count(m.tokens)}</span><span className="r">{m.priced ? money(m.cost) : "no price"}</span><span className="r">{spent > 0 ? `${Math.round((100 * m.cost) / spent)} %` : "–"}</span></div>)}
          {ranked.length === 0 && <p className="lbl">no requests in this time</p>}</div>
        <div className="cell w5"><h2>Dearest sessions</h2>
          {dear.map((s) => <Link key={s.id} className="mrow" style={{ gridTemplateColumns: "minmax(0,1fr) 74px", textDecoration: "none" }} to="/s/$id" params={{ id: s.id }} search={{}}><span className="el">{plain(s.name)} <span className="dim">{plain(s.project)}</span></span><span className="r">{money(s.cost)}</span></Link>)}</div>
        <div className="cell w12"><details><summary>as a table</summary><table className="table"><thead><tr><th>day</th><th>cost</th><th>tokens</th><th>sessions</th></tr></thead><tbody>{days.map((d) => <tr key={d.day}><td>{d.day}</td><td>{money(d.cost)}</td><td>{count(d.tokens)}</td><td>{d.sessions}</td></tr>)}</tbody></table></details></div>
        </>}
      </div>
    </div>
  );
}

function Heat({ hours }: { hours: Costs["hours"] }) {
  const grid = new Map(hours.map(([d, h, n]) => [d * 24 + h, n]));
  const top = Math.max(1, ...hours.map(([, , n]) => n));
  const busiest = hours.reduce<[number, number, number]>((a, b) => (b[2] > a[2] ? b : a), [0, 0, 0]);
  const level = (n: number) => (n === 0 ? 0 : Math.min(4, 1 + Math.floor((3.99 * n) / top)));
  return (
    <svg className="ht" viewBox="0 0 320 118" width="100%" role="img" aria-label={hours.length > 0 ? `most work on ${DAYS[busiest[0]]} at ${busiest[1]}:00` : "no work in this time"}>
      {DAYS.map((name, d) => <text key={name} x="0" y={d * 14 + 11}>{name}</text>)}
      {DAYS.flatMap((_, d) => Array.from({ length: 24 }, (_, h) => <rect key={`${d}-${h}`} x={24 + h * 12.2} y={d * 14 + 2} width="11" height="12" fill={`var(--h${level(grid.get(d * 24 + h) ?? 0)})`} />))}
      {[0, 6, 12, 18].map((h) => <text key={h} x={24 + h * 12.2} y="114">{h}:00</text>)}
    </svg>
  );
}

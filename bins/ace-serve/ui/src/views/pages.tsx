// The pages behind the status line: worktrees, configuration with its origins, scenarios.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { plain } from "../text/plain";
import { bytes, duration, many, when } from "../text/units";
import { get, post, query, remove, type ScenarioRun, type Setting, type Worktree } from "../wire/api";
import { useTitle } from "./hooks";
import { act, set } from "./local";

/** Worktrees: where they are, what they hold, landing and pruning. */
export function Worktrees() {
  useTitle("worktrees");
  const all = useQuery({ queryKey: ["worktrees"], queryFn: ({ signal }) => get<{ worktrees: Worktree[] }>("/worktrees", signal) });
  const [text, setText] = useState("");
  const trees = all.data?.worktrees ?? [];
  const repositories = [...new Set(trees.map((t) => t.repository))].filter(Boolean);
  const prune = async (repository: string, dry: boolean) => {
    const said = await act(() => post<{ text: string }>("/worktrees/prune", { repository, dry_run: dry }));
    if (said) setText(said.text || "nothing to prune");
    void all.refetch();
  };
  // A branch on which nothing was committed is a part of its base all the same: that is not landed.
  const landed = (t: Worktree) => t.merged && t.tip !== t.base && t.uncommitted === 0;
  const state = (t: Worktree) => (t.gone ? "folder is gone" : landed(t) ? "landed" : t.uncommitted > 0 ? `${t.uncommitted} not committed` : t.ahead > 0 ? `${t.ahead} ahead` : "no change");
  return (
    <div className="page">
      <div className="bar"><h1>Worktrees</h1><span className="dim">{many(trees.length, "worktree")} · {bytes(trees.reduce((n, t) => n + t.disk_bytes, 0))}</span><span className="sp" />
        {repositories.map((r) => <button type="button" key={r} onClick={() => void prune(r, true)}>What would prune take? <span className="dim">{plain(r.split("/").at(-1) ?? r)}</span></button>)}</div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Worktrees">
        {text && <div className="ban"><pre>{plain(text)}</pre><span className="sp" />{repositories.map((r) => <button type="button" key={r} onClick={() => void prune(r, false)}>Prune</button>)}<button type="button" onClick={() => setText("")}>Close</button></div>}
        {all.isError && <p className="empty no">✗ {all.error.message}</p>}
        {all.data && trees.length === 0 && <div className="empty"><p>No worktrees. A session in a git repository makes one of its own.</p></div>}
        {trees.length > 0 && (
          <table className="table"><thead><tr><th>session</th><th>branch</th><th>state</th><th>disk</th><th>age</th><th>where</th><th /></tr></thead><tbody>{trees.map((t) => (
            <tr key={t.path}><td>{t.session ? <Link to="/s/$id" params={{ id: t.session }} search={{}}>{plain(t.name || t.session)}</Link> : <span className="dim">nobody's</span>}</td><td>{plain(t.branch)}</td>
              <td className={t.gone ? "no" : landed(t) ? "ok" : undefined}>{state(t)}{t.locked && " · in use"}</td><td>{bytes(t.disk_bytes)}</td><td>{duration(t.age_s * 1000)}</td><td className="dim">{plain(t.path)}</td>
              <td className="nw">{t.session && !t.gone && !landed(t) && t.ahead + t.uncommitted > 0 && <Link className="button" to="/s/$id/diff" params={{ id: t.session }} search={{}} onClick={() => set({ dialog: "land" })}>Land…</Link>} {t.session && t.merged && t.uncommitted === 0 && <button type="button" onClick={() => void act(() => remove(`/sessions/${t.session}/worktree`)).then(() => all.refetch())}>Remove</button>}</td></tr>
          ))}</tbody></table>
        )}
      </div>
    </div>
  );
}

const config = getRouteApi("/config");

/** The effective configuration, and where each value came from. */
export function Config() {
  const { s } = config.useSearch() as { s?: string };
  useTitle("configuration");
  const [words, setWords] = useState("");
  const all = useQuery({ queryKey: ["config", s], queryFn: ({ signal }) => get<{ values: Setting[]; problems: string[] }>(`/config${query({ session: s })}`, signal) });
  const rows = (all.data?.values ?? []).filter((v) => `${v.key} ${JSON.stringify(v.value)}`.toLowerCase().includes(words.toLowerCase()));
  const show = (value: unknown) => plain(typeof value === "string" ? value : JSON.stringify(value));
  return (
    <div className="page">
      <div className="bar"><h1>Configuration</h1><span className="dim">{s ? "as this session's repository has it" : "as the user has it"}</span><span className="sp" /><input type="search" aria-label="Filter" placeholder="filter" value={words} onChange={(e) => setWords(e.target.value)} /></div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Values">
        {all.isError && <p className="empty no">✗ {all.error.message}</p>}
        {all.data?.problems.map((p) => <div className="ban f" key={p}>{plain(p)}</div>)}
        <table className="table"><thead><tr><th>key</th><th>value</th><th>said by</th><th>where</th></tr></thead><tbody>{rows.map((v) => (
          <tr key={v.key}><td>{plain(v.key)}</td><td>{show(v.value)}</td><td className={v.origin.layer === "default" ? "dim" : "you"}>{v.origin.layer}</td><td className="dim">{plain(v.origin.where)}</td></tr>
        ))}</tbody></table>
      </div>
    </div>
  );
}

/** Scenarios: run one, see what it expects pass or fail, open the run. */
export function Scenarios() {
  useTitle("scenarios");
  const all = useQuery({ queryKey: ["scenarios"], queryFn: ({ signal }) => get<{ scenarios: { name: string; title: string; folder: string; last: { ok: boolean; ts: string; session: string | null } | null }[]; available: boolean }>("/scenarios", signal) });
  const [run, setRun] = useState<{ name: string; id: string }>();
  const running = useQuery({
    queryKey: ["run", run?.id], enabled: run !== undefined, refetchInterval: (q: { state: { data?: ScenarioRun } }) => (q.state.data?.state === "running" || !q.state.data ? 500 : false),
    queryFn: ({ signal }: { signal: AbortSignal }) => get<ScenarioRun>(`/scenarios/runs/${run?.id}`, signal),
  });
  const start = async (name: string) => {
    const made = await act(() => post<{ run: string }>(`/scenarios/${encodeURIComponent(name)}/run`));
    if (made) setRun({ name, id: made.run });
  };
  const state = running.data?.state;
  // What came of it stands in the history by then.
  useEffect(() => void (state && state !== "running" && all.refetch()), [state]);
  return (
    <div className="page">
      <div className="bar"><h1>Scenarios</h1><span className="dim">a repository, a prompt, a recorded model, and what has to come of it</span></div>
      <div className="scroll" tabIndex={0} role="region" aria-label="Scenarios">
        {all.isError && <p className="empty no">✗ {all.error.message}</p>}
        {all.data && !all.data.available && <div className="empty"><p>No scenarios here: none in <code>scenarios/</code>, <code>fixtures/scenarios/</code> or <code>.ace/scenarios/</code> of a repository with sessions, or of where the server was started.</p><p><code>ace-replay distil S scenarios/NAME</code> makes one of a session; ace-scenario(5) says how one is written.</p></div>}
        {run && (
          <section className="card" aria-live="polite"><h2><span>{plain(run.name)} <span className={state === "passed" ? "ok" : state === "failed" ? "no" : "mdl"}>{state === "passed" ? "✓ passed" : state === "failed" ? "✗ failed" : "▸ running"}</span></span>
            {running.data?.session && <Link to="/s/$id" params={{ id: running.data.session }} search={{}}>open the run</Link>}</h2>
            <ul>{running.data?.expectations.map((e, i) => <li key={i}><span className={e.ok === null ? "dim" : e.ok ? "ok" : "no"}>{e.ok === null ? "·" : e.ok ? "✓" : "✗"}</span> {plain(e.text)} {e.detail && <span className="dim">{plain(e.detail)}</span>}</li>)}</ul>
            {running.data?.output && <pre className="out">{plain(running.data.output).slice(-8000)}</pre>}</section>
        )}
        <table className="table"><thead><tr><th>scenario</th><th>about</th><th>last</th><th /></tr></thead><tbody>{all.data?.scenarios.map((sc) => (
          <tr key={sc.name}><td title={plain(sc.folder)}>{plain(sc.name)}</td><td>{plain(sc.title)}</td><td>{sc.last ? <span className={sc.last.ok ? "ok" : "no"}>{sc.last.ok ? "✓ passed" : "✗ failed"} <span className="dim">{when(sc.last.ts, Date.now())}</span></span> : <span className="dim">never</span>}
              {sc.last?.session && <> · <Link to="/s/$id" params={{ id: sc.last.session }} search={{}}>its run</Link></>}</td>
            <td><button type="button" disabled={state === "running"} onClick={() => void start(sc.name)}>Run</button></td></tr>
        ))}</tbody></table>
      </div>
    </div>
  );
}

/** Where people, groups and limits of a server for many are managed; a server of one person's own has none of that. */
export function Manage() {
  useTitle("manage");
  return (
    <div className="page">
      <div className="bar"><h1>Manage</h1></div>
      <div className="empty"><p>This server is one person's own: there is nobody to manage.</p>
        <p>What there is to look after: <Link to="/worktrees" search={{}}>worktrees</Link>, <Link to="/config" search={{}}>configuration</Link>, <Link to="/scenarios" search={{}}>scenarios</Link>, <Link to="/usage" search={{}}>usage</Link>.</p></div>
    </div>
  );
}

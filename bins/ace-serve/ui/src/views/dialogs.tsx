// The dialogs: new session, fork, rewind, land, share, keys. Decisions are never here.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Mode } from "../events/types";
import { plain } from "../text/plain";
import { base, many, when } from "../text/units";
import { type Did, get, type NewSession, post, remove } from "../wire/api";
import { store } from "../wire/session";
import { act, local, set, useLocal } from "./local";

/** A dialog of the browser's own: it keeps the focus inside and gives it back. */
export function Modal({ title, cls, children, close }: { title: string; cls?: string; children: ReactNode; close?: () => void }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  const shut = close ?? (() => set({ dialog: "" }));
  return (
    <dialog ref={box} className={cls} aria-label={title} onClose={shut} onClick={(e) => e.target === box.current && shut()}>
      {children}
    </dialog>
  );
}

const MODES: Record<Mode, string> = { plan: "reads only", ask: "edits and commands are asked", edit: "edits in the worktree are free", auto: "all inside the sandbox is free" };

const kept = (): Partial<NewSession> => {
  try {
    return JSON.parse(localStorage.getItem("ace-new") ?? "{}") as Partial<NewSession>;
  } catch {
    return {};
  }
};

/** What a session begins with, in the order a person thinks. */
export function New() {
  const navigate = useNavigate();
  const repositories = useQuery({ queryKey: ["repositories"], queryFn: ({ signal }) => get<{ repositories: { path: string; project: string; sessions: number }[] }>("/repositories", signal) });
  const models = useQuery({ queryKey: ["models"], queryFn: ({ signal }) => get<{ models: { name: string; configured: boolean }[]; default: string; mode: Mode }>("/models", signal) });
  const [form, setForm] = useState<NewSession>({ prompt: "", repository: "", ...kept(), ...(local().at === 0 ? {} : {}) });
  const [busy, setBusy] = useState(false);
  const change = (next: Partial<NewSession>) => setForm({ ...form, ...next });
  const repository = form.repository || repositories.data?.repositories[0]?.path || "";
  const model = form.model || models.data?.default || "";
  const mode = form.mode ?? models.data?.mode ?? "ask";
  const start = async () => {
    if (!form.prompt.trim() || busy) return;
    setBusy(true);
    const { prompt, ...rest } = form;
    const body = Object.fromEntries(Object.entries({ ...rest, prompt, repository, model, mode }).filter(([, v]) => v !== "" && v !== undefined && v !== 0 && v !== false));
    const made = await act(() => post<{ sessions: string[] }>("/sessions", body));
    setBusy(false);
    const [first] = made?.sessions ?? [];
    if (!made || !first) return;
    localStorage.setItem("ace-new", JSON.stringify({ ...rest, repository }));
    set({ dialog: "", panel: "session" });
    if (made.sessions.length > 1) void navigate({ to: "/compare", search: { s: made.sessions.join(",") } });
    else void navigate({ to: "/s/$id", params: { id: first }, search: {} });
  };
  const quote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const same = ["ace run", model && model !== models.data?.default && `--model ${quote(model)}`, mode !== models.data?.mode && `--mode ${mode}`, form.budget_usd && `--budget ${quote(form.budget_usd)}`, form.max_turns && `--max-turns ${form.max_turns}`, form.max_time && `--max-time ${quote(form.max_time)}`, quote(form.prompt.trim().slice(0, 60) || "…")].filter(Boolean).join(" ");
  return (
    <Modal title="New session" cls="new">
      <h2>New session</h2>
      <form onSubmit={(e) => { e.preventDefault(); void start(); }} onKeyDown={(e) => { if (e.key === "Enter" && (e.metaKey || e.ctrlKey)) { e.preventDefault(); void start(); } }}>
        <label className="l" htmlFor="n-task">task</label>
        <textarea id="n-task" autoFocus placeholder="What should be done" value={form.prompt} onChange={(e) => change({ prompt: e.target.value })} />
        <label className="l" htmlFor="n-repo">repository</label>
        <div><input id="n-repo" list="n-repos" value={form.repository || repository} onChange={(e) => change({ repository: e.target.value })} placeholder="/path/of/a/repository" />
          <datalist id="n-repos">{repositories.data?.repositories.map((r) => <option key={r.path} value={r.path}>{`${r.project}, ${many(r.sessions, "session")}`}</option>)}</datalist>
          <p className="lbl">a worktree of its own begins at HEAD of {plain(base(repository) || "it")}; what is not committed stays behind unless carried <label><input type="checkbox" checked={form.carry ?? false} onChange={(e) => change({ carry: e.target.checked })} /> carry it</label></p></div>
        <label className="l" htmlFor="n-model">model</label>
        <div><input id="n-model" list="n-models" value={form.model ?? ""} placeholder={model} onChange={(e) => change({ model: e.target.value })} />
          <datalist id="n-models">{models.data?.models.map((m) => <option key={m.name} value={m.name}>{m.configured ? "" : "not configured"}</option>)}</datalist></div>
        <span className="l" id="n-mode">mode</span>
        <fieldset className="modes" aria-labelledby="n-mode">{(Object.keys(MODES) as Mode[]).map((name) => (
          <label key={name}><input type="radio" name="mode" checked={mode === name} onChange={() => change({ mode: name })} /><b>{name}</b>{MODES[name]}</label>
        ))}</fieldset>
        <span className="l">stop at</span>
        <div className="three">
          <input aria-label="money limit in dollars" placeholder="$ no limit" inputMode="decimal" value={form.budget_usd ?? ""} onChange={(e) => change({ budget_usd: e.target.value.replace(/[^\d.]/g, "") })} />
          <input aria-label="turn limit" placeholder="turns, no limit" inputMode="numeric" value={form.max_turns || ""} onChange={(e) => change({ max_turns: Number(e.target.value) || undefined })} />
          <input aria-label="time limit" placeholder="time: 90s, 20m" value={form.max_time ?? ""} onChange={(e) => change({ max_time: e.target.value })} />
        </div>
        <label className="l" htmlFor="n-runs">runs</label>
        <div><select id="n-runs" value={form.runs ?? 1} onChange={(e) => change({ runs: Number(e.target.value) })}>{[1, 2, 3, 4, 6, 8].map((n) => <option key={n} value={n}>{n === 1 ? "one" : `${n}, side by side`}</option>)}</select></div>
        <footer><button type="submit" className="pri" disabled={busy || !form.prompt.trim() || !repository}>{busy ? "Starting…" : "Start"} <kbd>⌘↵</kbd></button><button type="button" onClick={() => set({ dialog: "" })}>Cancel</button><span className="lbl el sp">same as <code>{same}</code></span></footer>
      </form>
    </Modal>
  );
}

/** Fork and rewind at a record, and landing. */
export function Travel() {
  const { dialog, at } = useLocal();
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const { state } = store(id);
  const does = async () => {
    setBusy(true);
    const done = await act(async () => {
      if (dialog === "fork") return await post<Did & { session: string }>(`/sessions/${id}/fork`, { at, ...(text.trim() && { prompt: text.trim() }) });
      if (dialog === "rewind") return await post(`/sessions/${id}/rewind`, { to: at });
      return await post(`/sessions/${id}/land`, text.trim() ? { onto: text.trim() } : {});
    });
    setBusy(false);
    if (!done) return set({ dialog: "" });
    void client.invalidateQueries();
    set({ dialog: "", panel: "session" });
    if ("session" in done) void navigate({ to: "/s/$id", params: { id: String(done.session) }, search: {} });
    else void navigate({ to: "/s/$id", params: { id }, search: {} });
  };
  const words = {
    fork: [`Fork at ${at}`, "A new session with that past and its files, in a worktree of its own. This one goes on as it is.", "Fork", `ace fork ${id}@${at}`],
    rewind: [`Rewind to ${at}`, "Conversation and files go back to that record. Nothing is erased: what stands between counts no more and can be seen on the timeline.", "Rewind", `ace rewind ${id}@${at}`],
    land: ["Land", `Brings what the session changed to ${state.head.from ? plain(state.head.from) : "the branch it came from"}.`, "Land", `ace land ${id}`],
  }[dialog as "fork" | "rewind" | "land"];
  if (!words) return null;
  const [title, about, verb, same] = words as [string, string, string, string];
  return (
    <Modal title={title}>
      <h2>{title}</h2>
      <form className="body" onSubmit={(e) => { e.preventDefault(); void does(); }}>
        <p>{about}</p>
        {dialog === "fork" && <textarea aria-label="First message of the fork" placeholder="What to do there (empty: nothing yet)" rows={3} value={text} onChange={(e) => setText(e.target.value)} autoFocus />}
        {dialog === "land" && <input aria-label="Branch" placeholder={state.head.from || "branch"} value={text} onChange={(e) => setText(e.target.value)} />}
        {dialog === "rewind" && state.turn && <p className="no">A turn runs: cancel it first.</p>}
        <p><button type="submit" className="pri" disabled={busy} autoFocus={dialog !== "fork"}>{verb}</button> <button type="button" onClick={() => set({ dialog: "" })}>Cancel</button></p>
      </form>
      <p className="lbl" style={{ padding: "6px 16px", borderTop: "1px solid var(--rule)" }}>same as <code>{same}</code></p>
    </Modal>
  );
}

interface Shared { share: string; created: string; expires: string; opened: number }

/** Links that show this session to others, and the file that opens offline. */
export function Share() {
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const [hours, setHours] = useState(24);
  const [made, setMade] = useState<{ url: string; expires: string }>();
  const shares = useQuery({ queryKey: ["shares", id], queryFn: ({ signal }) => get<{ shares: Shared[] }>(`/shares?session=${id}`, signal) });
  const create = async () => {
    const link = await act(() => post<{ url: string; expires: string }>(`/sessions/${id}/shares`, { expires_in: hours * 3600 }));
    if (link) setMade(link);
    void shares.refetch();
  };
  const revoke = async (share: string) => {
    await act(() => remove(`/shares/${share}`));
    void shares.refetch();
  };
  return (
    <Modal title="Share">
      <h2>Share</h2>
      <div className="body">
        <p>Who has the link reads this session, live, with secrets and personal data taken out. They can change nothing and see nothing else.</p>
        <p><label>for <select value={hours} onChange={(e) => setHours(Number(e.target.value))}>{[[1, "an hour"], [24, "a day"], [168, "a week"], [720, "30 days"]].map(([h, name]) => <option key={h} value={h}>{name}</option>)}</select></label> <button type="button" className="pri" onClick={() => void create()}>Make a link</button></p>
        {made && <p><input readOnly aria-label="The link" value={made.url} style={{ width: "100%" }} onFocus={(e) => e.target.select()} autoFocus /><span className="lbl">shown once, read only until {when(made.expires, 0) || made.expires}</span></p>}
        {(shares.data?.shares.length ?? 0) > 0 && (
          <table className="table"><thead><tr><th>link</th><th>until</th><th>opened</th><th /></tr></thead><tbody>{shares.data?.shares.map((s) => (
            <tr key={s.share}><td>{plain(s.share).slice(0, 8)}</td><td>{s.expires.slice(0, 16).replace("T", " ")}</td><td>{s.opened}×</td><td><button type="button" className="link no" onClick={() => void revoke(s.share)}>revoke</button></td></tr>
          ))}</tbody></table>
        )}
        <p>Or as a file that opens offline: <a href={`/api/v1/sessions/${id}/export.html?redacted=1`} download>export as HTML</a>, <a href={`/api/v1/sessions/${id}/log`} download>the log itself</a></p>
      </div>
    </Modal>
  );
}

const KEYS: [string, string][] = [
  ["⌘K", "palette"], ["?", "these keys"], ["1 – 5", "views"], ["n", "new session"], ["j k", "next, previous"], ["g G", "first, newest"], ["o ↵", "open, fold"], ["/", "search or filter"],
  ["y s a d", "once, session, always, deny"], ["J K", "next, previous who waits"], ["i esc", "to the composer, out of it"], ["↵ ⌘↵ ⇧↵", "queue, steer, new line"], ["^C twice", "cancel the turn"], ["f w", "fork, rewind"],
  ["r", "replay"], ["space ← →", "play, step"], [", .", "markers"], ["C", "copy event"], ["v L", "viewed, land"], ["` t b", "terminal, theme, session list"], ["[ ]", "narrower, wider panel"], ["F6", "next panel"],
];

/** All keys, and the switch that turns single letters off. */
export function Keys() {
  const { singleKeys } = useLocal();
  return (
    <Modal title="Keys" cls="keysdlg">
      <h2>Keys</h2>
      <div className="body"><dl>{KEYS.map(([key, does]) => <div key={key} style={{ display: "contents" }}><dt><b>{key}</b></dt><dd className="mid">{does}</dd></div>)}</dl>
        <p><label><input type="checkbox" checked={singleKeys} onChange={(e) => set({ singleKeys: e.target.checked })} /> single letters are keys</label></p>
        <p><button type="button" onClick={() => set({ dialog: "" })} autoFocus>Close</button></p></div>
    </Modal>
  );
}

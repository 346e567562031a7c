// What stands around every view: head line, views, problems, status line, dialogs; and the keys that work everywhere.
import { Link, Outlet, useNavigate, useParams, useRouterState, useSearch } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { plain } from "../text/plain";
import { base, many, money } from "../text/units";
import type { Link as Connection } from "../wire/stream";
import { list } from "../wire/list";
import { store } from "../wire/session";
import { Keys, New, Share, Travel } from "./dialogs";
import { useCards, useKeys, useMe, useNow, useSession } from "./hooks";
import { local, set, useLocal } from "./local";
import { Verified } from "./timeline";

const Palette = lazy(() => import("./palette").then((m) => ({ default: m.Palette })));

const TABS = [["Work", 1], ["Timeline", 2], ["Diff", 3], ["Compare", 4], ["Usage", 5]] as const;

/** The frame. */
export function Frame() {
  const { theme, dialog, drawer, panel, left, right, problem } = useLocal();
  const { id } = useParams({ strict: false }) as { id?: string };
  const path = useRouterState({ select: (s) => s.location.pathname });
  const navigate = useNavigate();
  const me = useMe();
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
  }, [theme]);
  useEffect(() => {
    document.documentElement.style.setProperty("--left", `${left}px`);
    document.documentElement.style.setProperty("--right", `${right}px`);
  }, [left, right]);
  const view = path.endsWith("/timeline") ? 2 : path.endsWith("/diff") ? 3 : path === "/compare" || path === "/tiles" ? 4 : path === "/usage" ? 5 : path === "/" || /^\/s\/[^/]+\/?$/.test(path) ? 1 : 0;
  const go = (n: number) => {
    if (n === 4) void navigate({ to: "/compare", search: id ? { s: id } : {} });
    else if (n === 5) void navigate({ to: "/usage", search: {} });
    else if (!id) void navigate({ to: "/" });
    else if (n === 1) void navigate({ to: "/s/$id", params: { id }, search: {} });
    else if (n === 2) void navigate({ to: "/s/$id/timeline", params: { id }, search: {} });
    else void navigate({ to: "/s/$id/diff", params: { id }, search: {} });
  };
  const panels = () => {
    const all = [...document.querySelectorAll<HTMLElement>(".sess nav, .log, .assist > .scroll, .side .scroll")].filter((e) => e.offsetParent);
    const at = all.findIndex((e) => e.contains(document.activeElement));
    all[(at + 1) % Math.max(1, all.length)]?.focus();
  };
  useKeys({
    "mod+k": () => set({ dialog: "palette" }), "?": () => set({ dialog: "keys" }), t: () => set({ theme: local().theme === "dark" ? "light" : "dark" }),
    b: () => set({ drawer: !drawer }), "[": () => set({ right: Math.max(280, right - 24) }), "]": () => set({ right: Math.min(560, right + 24) }), F6: panels,
    1: () => go(1), 2: () => go(2), 3: () => go(3), 4: () => go(4), 5: () => go(5),
  });
  const shared = me?.scope === "share";
  return (
    <div className="frame">
      <a className="skip" href="#main">Skip to the session</a>
      <header className="head"><Link className="mark" to="/" search={{}}>ace</Link>
        {id && <Crumb id={id} />}
        <nav aria-label="Views">{TABS.filter(([, n]) => (!shared || n < 4) && (id || n === 1 || n > 3)).map(([name, n]) => (
          <a key={name} href={`#${name}`} aria-current={view === n ? "page" : undefined} onClick={(e) => { e.preventDefault(); go(n); }}>{name} <i>{n}</i></a>
        ))}</nav>
        <span className="sp" />
        <div className="tools"><button type="button" className="find" onClick={() => set({ dialog: "palette" })}><span>Go to or do</span><kbd>⌘K</kbd></button>
          <button type="button" className="bare" aria-label="Switch between dark and light" onClick={() => set({ theme: theme === "dark" ? "light" : "dark" })}>◐</button></div>
      </header>
      {problem ? (
        <div className="ban f" role="alert"><span><b className="no">✗</b> {plain(problem.detail)}{problem.hint && <span className="mid"> · {plain(problem.hint)}</span>}</span><span className="sp" />
          <button type="button" onClick={() => set({ problem: undefined })}>Close</button>
          <details><summary className="lbl">the server's words: {problem.code}</summary><pre>{plain(JSON.stringify(problem.raw, null, 2))}</pre></details></div>
      ) : id ? <Banner id={id} /> : <ListBanner />}
      <main id="main"><Suspense fallback={<div className="sk" aria-hidden="true"><i /><i /><i /></div>}><Outlet /></Suspense></main>
      {id ? <Status id={id} /> : <Foot />}
      <nav className="tabbar" aria-label="Panels">
        <a href="#sessions" aria-current={panel === "sessions" ? "true" : undefined} onClick={(e) => { e.preventDefault(); set({ panel: "sessions" }); if (view !== 1) go(1); }}>Sessions</a>
        <a href="#session" aria-current={view === 1 && panel === "session" ? "true" : undefined} onClick={(e) => { e.preventDefault(); set({ panel: "session" }); if (id && view !== 1) go(1); }}>Session</a>
        <a href="#decide" aria-current={view === 1 && panel === "assist" ? "true" : undefined} onClick={(e) => { e.preventDefault(); set({ panel: "assist" }); if (id && view !== 1) go(1); }}><span>Decide <Waiting /></span></a>
        <a href="#usage" aria-current={view === 5 ? "true" : undefined} onClick={(e) => { e.preventDefault(); go(5); }}>Usage</a>
      </nav>
      {dialog === "palette" && <Suspense><Palette /></Suspense>}
      {dialog === "new" && <New />}
      {dialog === "keys" && <Keys />}
      {dialog === "share" && id && <Share />}
      {(dialog === "fork" || dialog === "rewind" || dialog === "land") && id && <Travel key={dialog} />}
    </div>
  );
}

function Waiting() {
  const n = useCards().filter((c) => c.state === "waits").length;
  return n > 0 ? <b className="prm">{n}</b> : null;
}

function Crumb({ id }: { id: string }) {
  const at = useSession(id);
  return <h1 className="crumb ponly"><b className="el">{plain(at.state.head.name || id)}</b><span className="tag dim">{at.connection.state} · {at.state.seq}</span></h1>;
}

/** What a connection that is not live says. */
function says(link: Connection, last: number, now: number): { tone: string; text: string; retry: boolean } | undefined {
  switch (link.state) {
    case "down": return { tone: "p", text: `Not connected: ${link.why}. Last record ${last || "none"}; next try in ${Math.max(0, Math.ceil((link.until - now) / 1000))} s. The session runs on.`, retry: true };
    case "resuming": return link.head - link.from > 500 && link.from > 0 ? { tone: "", text: `Catching up from seq ${link.from}: ${Math.max(0, last - link.from)} of ${link.head - link.from} events`, retry: false } : undefined;
    case "lost": return { tone: "p", text: link.reason === "slow" ? `This reader was too slow and was dropped at ${link.resume}; nothing is missing.` : "This log is another one than before: it is read again.", retry: true };
    case "ended": return { tone: "f", text: link.why, retry: false };
    default: return undefined;
  }
}

function Banner({ id }: { id: string }) {
  const at = useSession(id);
  const now = useNow(500, at.connection.state === "down");
  const said = says(at.connection, at.state.seq, now);
  if (!said) return null;
  return <div className={`ban ${said.tone}`} role="status"><span>{said.text}</span><span className="sp" />{said.retry && <button type="button" onClick={() => at.retry()}>{at.connection.state === "lost" ? "Resume there" : "Try now"}</button>}</div>;
}

function ListBanner() {
  useCards();
  const now = useNow(500, list.connection.state === "down");
  const said = says(list.connection, 0, now);
  if (!said) return null;
  return <div className={`ban ${said.tone}`} role="status"><span>{said.text.replace(/ Last record[^;]*;/, "")}</span></div>;
}

/** The status line of a session: each part leads to what it is about. */
function Status({ id }: { id: string }) {
  const at = useSession(id);
  const cards = useCards();
  const me = useMe();
  const { seq } = useSearch({ strict: false }) as { seq?: number };
  const { head } = at.state;
  const waits = cards.filter((c) => c.state === "waits");
  const today = new Date().toDateString();
  const spent = cards.filter((c) => new Date(c.last).toDateString() === today).reduce((n, c) => n + (c.cost ?? 0), 0);
  const files = [...at.state.files.values()].filter((f) => f.at.length > 0).length;
  const live = at.connection.state === "live";
  const past = seq !== undefined && seq < at.state.seq;
  return (
    <footer className="status" aria-label="Status">
      <span className={live && !past ? "live" : undefined}>{past ? "replay" : live ? "live" : at.connection.state}</span>
      <Link to="/s/$id/timeline" params={{ id }} search={seq === undefined ? {} : { seq }}>seq {seq ?? at.state.seq}</Link>
      {me?.scope === "share" && <span className="you">read only{me.expires && ` until ${me.expires.slice(0, 16).replace("T", " ")}`}</span>}
      {head.mode && <Link to="/config" search={{ s: id }}>{head.unsandboxed ? `${head.mode}, no sandbox` : head.mode}</Link>}
      <span className="el">{plain(head.model)}</span>
      <Link className="el" to="/worktrees" search={{}}>{plain([base(head.repository), head.branch].filter(Boolean).join(" · ") || base(head.cwd))}{files > 0 && ` · ${many(files, "file")} changed`}</Link>
      <span><Verified id={id} /></span>
      {me?.scope !== "share" ? <Link className="end" to="/usage" search={{}}>today {money(spent, 2)}</Link> : <span className="end" />}
      {waits.length > 0 && waits[0] && <Link className="prm" to="/s/$id" params={{ id: waits[0].id }} search={{}}>{waits.length === 1 ? "1 waits" : `${waits.length} wait`} for you</Link>}
      <button type="button" onClick={() => set({ dialog: "keys" })}>? keys</button>
    </footer>
  );
}

function Foot() {
  const cards = useCards();
  const waits = cards.filter((c) => c.state === "waits").length;
  const me = useMe();
  return (
    <footer className="status" aria-label="Status"><span className={list.connection.state === "live" ? "live" : undefined}>{list.connection.state}</span><span>{many(cards.length, "session")}</span>
      <Link to="/worktrees" search={{}}>worktrees</Link><Link to="/config" search={{}}>configuration</Link><Link to="/scenarios" search={{}}>scenarios</Link>
      <span className="end">{me && `${plain(me.person)} · ace ${plain(me.version)}`}</span>{waits > 0 && <span className="prm">{waits === 1 ? "1 waits" : `${waits} wait`} for you</span>}
      <button type="button" onClick={() => set({ dialog: "keys" })}>? keys</button></footer>
  );
}

export { store };

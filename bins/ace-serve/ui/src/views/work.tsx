// The work view: sessions, one session, assist. In replay the same view shows the session as it was.
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { plain } from "../text/plain";
import { base } from "../text/units";
import { Assist } from "./assist";
import { ask, Composer } from "./composer";
import { useCards, useFacts, useKeys, useMe, useSession, useStateAt, useTitle } from "./hooks";
import { set, useLocal } from "./local";
import { Replay } from "./replay";
import { Sessions } from "./sessions";
import { Transcript } from "./transcript";
import { STATES } from "./words";

const Terminal = lazy(() => import("./terminal"));

/** What stands where no session is open. */
export function Home() {
  const cards = useCards();
  const { drawer } = useLocal();
  useTitle("");
  useEffect(() => set({ panel: "sessions" }), []);
  return (
    <div className={drawer ? "work list" : "work"} data-panel="sessions">
      <Sessions current="" />
      <div className="col mid-col"><div className="empty"><h1>{cards.length > 0 ? "Open a session" : "Nothing has run here yet"}</h1>
        <p>Every line a session writes is shown as it is: what was said, what ran, who allowed it.</p>
        <p><kbd>n</kbd> begins one. <kbd>⌘K</kbd> finds anything. In a terminal: <code>ace run "…"</code></p></div></div>
      <div className="col assist" />
    </div>
  );
}

const route = getRouteApi("/s/$id");

/** One session between the list and the assist panel. */
export function Work() {
  const { id } = route.useParams();
  const { seq } = route.useSearch() as { seq?: number };
  const { drawer, panel } = useLocal();
  return (
    <div className={drawer ? "work list" : "work"} data-panel={panel}>
      <Sessions current={id} />
      <Panels id={id} seq={seq} focus />
    </div>
  );
}

/** The middle and the right panel of a session. */
export function Panels({ id, seq, focus, tile = false }: { id: string; seq?: number; focus: boolean; tile?: boolean }) {
  const store = useSession(id);
  const { state, past, loading } = useStateAt(store, seq);
  const facts = useFacts(id, store.state.asked.length > 0 ? store.state.seq : (store.state.lastTurn?.end?.seq ?? 0));
  const me = useMe();
  const { terminal } = useLocal();
  const navigate = useNavigate();
  const head = state.head.id ? state.head : store.state.head;
  const name = head.name || facts?.name || id;
  const standing = past ? state.standing : store.state.standing;
  const of = STATES[standing];
  useTitle(tile ? "" : name);
  const readOnly = me?.scope === "share" ? "Read only: this link was shared with you." : past ? "" : facts?.archived ? "Archived: fork it to go on." : "";
  const replay = (at: number | undefined) => void navigate({ to: "/s/$id", params: { id }, search: at === undefined ? {} : { seq: at } });
  const here = seq ?? store.state.seq;
  useKeys({
    f: () => ask("fork", here), w: () => ask("rewind", here), "`": () => me?.terminal && set({ terminal: !terminal }),
    r: () => replay(past ? undefined : store.state.seq - 1),
  }, focus && !tile);
  const asked = store.state.asked[0];
  return (
    <>
      <div className="col mid-col">
        <div className="bar"><h1 className="el">{plain(name)}</h1><span className={`tag ${of.tone}`}>{of.glyph} {of.word}</span>
          {!tile && <span className="dim el roomy">{plain([base(head.repository || facts?.repository || ""), head.branch || facts?.branch].filter(Boolean).join(" · "))}</span>}<span className="sp" />
          {me?.scope !== "share" && !tile && (
            <>
              <button type="button" className="bare" onClick={() => replay(past ? undefined : 1)}>{past ? "Now" : "Replay"} <kbd className="roomy">r</kbd></button>
              <button type="button" className="bare" onClick={() => ask("fork", here)}>Fork <kbd className="roomy">f</kbd></button>
              <button type="button" className="bare" onClick={() => ask("rewind", here)}>Rewind <kbd className="roomy">w</kbd></button>
              <button type="button" className="bare" onClick={() => ask("share", here)}>Share</button>
              {me?.terminal && <button type="button" className="bare" aria-expanded={terminal} onClick={() => set({ terminal: !terminal })}>Terminal <kbd className="roomy">`</kbd></button>}
            </>
          )}
        </div>
        {loading || (store.first === 0 && store.connection.state !== "ended" && store.connection.state !== "live")
          ? <div className="sk" aria-hidden="true"><i /><i /><i /><i /><i /><i /></div>
          : <Transcript store={store} state={state} past={past} focus={focus && !tile} />}
        <div>
          {terminal && me?.terminal && !tile && <Suspense fallback={<p className="empty">loading…</p>}><Terminal id={id} /></Suspense>}
          {asked && !past && <div className="sheetbtn"><span><b className="prm">{store.state.asked.length === 1 ? "1 decision waits" : `${store.state.asked.length} decisions wait`}</b><code className="el">{plain(asked.tool)}</code></span>
            <button type="button" className="pri" onClick={() => set({ panel: "assist" })}>Decide</button></div>}
          {past || seq !== undefined ? <Replay store={store} seq={seq ?? 0} go={replay} /> : <Composer id={id} state={store.state} focus={focus && !tile} readOnly={readOnly} />}
        </div>
        {tile && asked && !past && <Assist store={store} state={store.state} facts={facts} past={past} focus={focus} readOnly={me?.scope === "share"} />}
      </div>
      {!tile && <div className="col assist"><Assist store={store} state={state} facts={facts} past={past} focus={focus} readOnly={me?.scope === "share"} /></div>}
    </>
  );
}

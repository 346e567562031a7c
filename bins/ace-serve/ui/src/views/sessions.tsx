// The list of sessions: who waits first, what runs, the rest by day; search over all text; order never changes under the pointer.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { memo, useDeferredValue, useMemo, useRef, useState } from "react";
import { fits, groups, narrow, read } from "../model/filter";
import { plain } from "../text/plain";
import { clockwork, money } from "../text/units";
import { type Card, get, query } from "../wire/api";
import { list } from "../wire/list";
import { useCards, useKeys, useNow } from "./hooks";
import { set } from "./local";
import { STATES } from "./words";

const SHOWN = 300;

function tag(card: Card, now: number) {
  const of = STATES[card.state];
  const text =
    card.state === "waits" ? clockwork(now - Date.parse(card.asks[0]?.since ?? card.last))
      : card.state === "running" ? (/^turn \d+/.exec(card.detail)?.[0] ?? "running")
        : of.word;
  return <span className={`tag ${of.tone}`}>{of.glyph} {text}<span className="sr">{card.state === "waits" ? " waits for you" : ""}</span></span>;
}

/** The second line: the one thing happening now, or what came of it. */
function fragment(card: Card): string {
  const now = card.asks[0] ? `${card.asks[0].tool} ${card.asks[0].subject}` : card.detail;
  const { files, added, removed } = card.changed;
  const done = card.state === "done" && files > 0 ? `+${added} −${removed}` : "";
  return plain([card.project || "no repository", now, done, card.queued > 0 ? `${card.queued} queued` : ""].filter(Boolean).join(" · "));
}

const Item = memo(function Item({ card, current, now }: { card: Card; current: boolean; now: number }) {
  return (
    <li>
      <Link to="/s/$id" params={{ id: card.id }} search={{}} aria-current={current ? "true" : undefined} title={plain(card.name)}
        onClick={() => set({ panel: "session", drawer: false })}>
        <b className="el">{plain(card.name)}</b>{tag(card, now)}
        <small className="el">{fragment(card)}</small><small>{card.cost === null ? (card.turns > 0 ? "no price" : "") : money(card.cost)}</small>
      </Link>
    </li>
  );
});

interface Hit { session: string; name: string; seq: number; type: string; around: string }

function Around({ text }: { text: string }) {
  return text.split(/(\u0001[^\u0002]*\u0002)/).map((part, i) => (part.startsWith("\u0001") ? <mark key={i}>{plain(part.slice(1, -1))}</mark> : <span key={i}>{plain(part)}</span>));
}

/** The panel. */
export function Sessions({ current }: { current: string }) {
  const all = useCards();
  const [text, setText] = useState("");
  const held = useRef<Card[] | undefined>(undefined);
  const [over, setOver] = useState(false);
  // What has moved meanwhile is shown in its new place when the pointer has left; its content is always today's.
  if (!over || !held.current || held.current.length !== all.length) held.current = all;
  const cards = over ? held.current.map((card) => list.cards.get(card.id) ?? card) : all;
  const waits = cards.some((c) => c.state === "waits");
  const now = useNow(1000, waits);
  const search = useDeferredValue(text);
  const shown = useMemo(() => cards.filter((card) => fits(card, read(search))), [cards, search]);
  const words = read(search).words.join(" ");
  const hits = useQuery({
    queryKey: ["search", words], enabled: words.length > 1, staleTime: 10_000,
    queryFn: ({ signal }) => get<{ hits: Hit[] }>(`/search${query({ q: words, limit: 30 })}`, signal),
  });
  const field = useRef<HTMLInputElement>(null);
  const navigate = useNavigate();
  const open = (card: Card | undefined) => card && void navigate({ to: "/s/$id", params: { id: card.id }, search: {} });
  const waiting = cards.filter((c) => c.state === "waits");
  const step = (by: number) => open(waiting[(Math.max(0, waiting.findIndex((c) => c.id === current)) + by + waiting.length) % waiting.length]);
  useKeys({ "/": () => field.current?.focus(), J: () => step(1), K: () => step(-1), n: () => set({ dialog: "new" }) });
  const choices = (of: (card: Card) => string) => [...new Set(all.map(of))].filter(Boolean).sort().slice(0, 50);
  const pick = (key: "state" | "repo" | "model", label: string, values: string[]) => (
    <select aria-label={`narrow by ${label}`} value={read(text)[key] ?? ""} onChange={(e) => setText(narrow(text, key, e.target.value))}>
      <option value="">{label}</option>
      {values.map((value) => <option key={value} value={value.toLowerCase()}>{plain(value)}</option>)}
    </select>
  );
  return (
    <div className="col sess" onPointerEnter={() => setOver(true)} onPointerLeave={() => setOver(false)}>
      <div className="top">
        <div className="filter"><input ref={field} type="search" aria-label="Search sessions and all their text" placeholder="search all text" value={text}
          onChange={(e) => setText(e.target.value)} onKeyDown={(e) => { if (e.key === "Escape") e.currentTarget.blur(); if (e.key === "Enter") open(shown[0]); }} /></div>
        <div className="chips">
          {pick("state", "state", Object.keys(STATES))}{pick("repo", "repo", choices((c) => c.project))}{pick("model", "model", choices((c) => c.model))}
        </div>
      </div>
      <nav className="scroll" aria-label="Sessions" tabIndex={0}>
        {!list.ready && list.connection.state !== "down" && <div className="sk" aria-hidden="true"><i /><i /><i /><i /><i /></div>}
        {list.ready && all.length === 0 && (
          <div className="empty"><p>No sessions yet. A session is one piece of work: a prompt, a worktree and a log.</p><p>Press <kbd>n</kbd>, or in a terminal:<br /><code>ace run "make the failing test pass"</code></p></div>
        )}
        {list.ready && all.length > 0 && shown.length === 0 && !hits.data?.hits.length && <div className="empty"><p>Nothing fits “{plain(search)}”.</p></div>}
        {groups(shown.slice(0, SHOWN), Date.now()).map((group) => (
          <section key={group.name} className={group.need ? "need" : undefined} aria-label={group.name}>
            <h2>{group.name} <span>{group.cards.length}</span></h2>
            <ul>{group.cards.map((card) => <Item key={card.id} card={card} current={card.id === current} now={card.state === "waits" ? now : 0} />)}</ul>
          </section>
        ))}
        {(hits.data?.hits.length ?? 0) > 0 && (
          <section className="hits" aria-label="in the text"><h2>in the text <span>{hits.data?.hits.length}</span></h2>
            {hits.data?.hits.map((hit) => (
              <Link key={`${hit.session}-${hit.seq}`} to="/s/$id/timeline" params={{ id: hit.session }} search={{ seq: hit.seq }}>
                <b>{plain(hit.name)}</b> <span className="dim">{hit.seq}</span><br /><span className="mid"><Around text={hit.around} /></span>
              </Link>
            ))}
          </section>
        )}
      </nav>
      <div className="foot"><button type="button" onClick={() => set({ dialog: "new" })}>New session <kbd>n</kbd></button></div>
    </div>
  );
}

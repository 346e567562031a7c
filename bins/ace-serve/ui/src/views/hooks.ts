// Hooks that more than one view needs: a session's state now or at a record, keys, the time.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Event } from "../events/types";
import { Fold, fold } from "../model/fold";
import { type Card, get, type Me, type Session } from "../wire/api";
import { list } from "../wire/list";
import { range, type SessionStore, store } from "../wire/session";
import { local } from "./local";

/** The store of a session, and again whenever it changes. */
export function useSession(id: string): SessionStore {
  const found = store(id);
  useSyncExternalStore(found.subscribe, found.snapshot);
  return found;
}

/** The list of sessions, kept up to date. */
export function useCards(): Card[] {
  useSyncExternalStore(list.subscribe, list.snapshot);
  return list.sorted;
}

/** Who is here. */
export function useMe(): Me | undefined {
  return useQuery({ queryKey: ["me"], queryFn: ({ signal }) => get<Me>("/me", signal), staleTime: Number.POSITIVE_INFINITY }).data;
}

/** What the server says of a session; asked again when turns end. */
export function useFacts(id: string, seq: number): Session | undefined {
  return useQuery({
    queryKey: ["session", id, seq], queryFn: ({ signal }) => get<Session>(`/sessions/${id}`, signal), enabled: id !== "",
    placeholderData: (before) => before,
  }).data;
}

/** Records before a moment of replay that are folded for it, when the window does not hold them. */
const PAST = 1500;

/** The state at a record: the live one, or a fold of what stood there then. */
export function useStateAt(at: SessionStore, seq: number | undefined): { state: Fold; past: boolean; loading: boolean } {
  const past = seq !== undefined && (seq < at.head || seq < at.state.seq);
  const inside = past && at.first > 0 && seq >= at.first;
  const last = useRef<{ seq: number; first: number; state: Fold } | undefined>(undefined);
  const here = useMemo(() => {
    if (!inside || seq === undefined) return undefined;
    const had = last.current;
    // Forwards only what is new is added; backwards all is folded again.
    if (had && had.first === at.first && had.seq <= seq && had.state.head.id === at.state.head.id) {
      for (const event of between(at.events, had.seq + 1, seq)) had.state.add(event);
      last.current = { ...had, seq };
      return had.state;
    }
    const state = fold(between(at.events, at.first, seq));
    last.current = { seq, first: at.first, state };
    return state;
  }, [inside, seq, at, at.first, at.events]);
  const far = useQuery({
    queryKey: ["past", at.id, seq], enabled: past && !inside && at.first > 0, staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => range(at.id, Math.max(1, (seq ?? 1) - PAST), seq ?? 1, signal), placeholderData: (before) => before,
  });
  const there = useMemo(() => (far.data ? fold(far.data) : undefined), [far.data]);
  if (!past) return { state: at.state, past: false, loading: false };
  return { state: (inside ? here : there) ?? new Fold(), past: true, loading: !inside && !there };
}

/** The records from one to another in a list without gaps. */
export function between(events: Event[], from: number, to: number): Event[] {
  const first = events[0]?.seq ?? 1;
  return events.slice(Math.max(0, from - first), Math.max(0, to - first + 1));
}

/** The time, every second while somebody needs it. */
export function useNow(every = 1000, on = true): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every, on]);
  return now;
}

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.closest(".xterm") !== null);

/** Keys of a view: `y`, `mod+k`, `shift+j`. Single letters are off in fields, under dialogs, and where somebody switched them off. */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>, on = true): void {
  const held = useRef(keys);
  held.current = keys;
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return;
      const mod = event.metaKey || event.ctrlKey;
      const name = (mod ? "mod+" : "") + (event.altKey ? "alt+" : "") + event.key;
      const does = held.current[name];
      if (!does) return;
      if (!mod && event.key.length === 1) {
        if (typing(event.target) || document.querySelector("dialog[open]") || !local().singleKeys) return;
      } else if (!mod && (typing(event.target) || document.querySelector("dialog[open]"))) return;
      does(event);
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [on]);
}

/** The title of the page says who waits. */
export function useTitle(name: string): void {
  const waits = useCards().filter((c) => c.state === "waits").length;
  useEffect(() => {
    document.title = `${waits > 0 ? `(${waits}) ` : ""}${name ? `${name} · ` : ""}ace`;
  }, [name, waits]);
}

// The columns of a session's events, loaded once and kept up to date from its window.
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { Rows } from "../model/outline";
import { get, type Outline } from "../wire/api";
import type { SessionStore } from "../wire/session";
import { between } from "./hooks";

/** The rows of a session; grows as records arrive. */
export function useRows(store: SessionStore): { rows: Rows; length: number } {
  const inside = store.first === 1;
  const loaded = useQuery({
    queryKey: ["outline", store.id], enabled: !inside && store.first > 1, staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => get<Outline>(`/sessions/${store.id}/outline`, signal),
  });
  const held = useRef<{ of: unknown; rows: Rows }>({ of: undefined, rows: new Rows() });
  // A session whose window begins at its first record needs nothing from the server.
  const of = inside ? store.id : loaded.data;
  if (held.current.of !== of) held.current = { of, rows: new Rows(inside ? undefined : loaded.data) };
  const { rows } = held.current;
  if (of) for (const event of between(store.events, rows.length === 0 ? store.first : rows.head + 1, store.state.seq)) rows.add(event);
  return { rows, length: rows.length };
}

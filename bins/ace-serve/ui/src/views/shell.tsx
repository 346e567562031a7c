// The terminal on a page of its own.
import { getRouteApi } from "@tanstack/react-router";
import { useMe } from "./hooks";
import Terminal from "./terminal";

const route = getRouteApi("/s/$id/terminal");

/** The view. */
export function Shell() {
  const { id } = route.useParams();
  const me = useMe();
  if (me && !me.terminal) return <div className="empty"><p>This server gives no terminal: start it with <code>ace serve --terminal</code>.</p></div>;
  return <Terminal id={id} whole />;
}

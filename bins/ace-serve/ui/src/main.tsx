// The entry: exchange the link for a cookie, then routes, then the page.
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./style/tokens.css";
import "./style/base.css";
import "./style/work.css";
import "./style/views.css";
import "./style/narrow.css";
import { plain } from "./text/plain";
import { login, Problem } from "./wire/api";
import { ENTERED } from "./wire/stream";
import { Frame } from "./views/frame";
import { Timeline } from "./views/timeline";
import { Home, Work } from "./views/work";

/** What an address may say beside its path. */
interface Words { seq?: number; s?: string; scope?: string; path?: string; show?: string; words?: string; since?: string }

/** The words of an address; whatever else stands there is ignored. */
function words(search: Record<string, unknown>): Words {
  const out: Words = {};
  const seq = Number(search["seq"]);
  if (search["seq"] !== undefined && Number.isInteger(seq) && seq > 0) out.seq = seq;
  for (const key of ["s", "scope", "path", "show", "words", "since"] as const) {
    const given = search[key];
    // An address such as `?s=123` is read as a number by the router: it is words all the same.
    if ((typeof given === "string" || typeof given === "number") && given !== "") out[key] = String(given);
  }
  return out;
}

const root = createRootRoute({ component: Frame, notFoundComponent: () => <div className="empty"><p>There is nothing at this address.</p><p><a href="/">To the sessions</a></p></div> });
const at = { getParentRoute: () => root, validateSearch: words };
const routes = root.addChildren([
  createRoute({ ...at, path: "/", component: Home }),
  createRoute({ ...at, path: "/s/$id", component: Work }),
  createRoute({ ...at, path: "/s/$id/timeline", component: Timeline }),
  createRoute({ ...at, path: "/s/$id/diff", component: lazyRouteComponent(() => import("./views/diff"), "Review") }),
  createRoute({ ...at, path: "/s/$id/files", component: lazyRouteComponent(() => import("./views/files"), "Files") }),
  createRoute({ ...at, path: "/s/$id/terminal", component: lazyRouteComponent(() => import("./views/shell"), "Shell") }),
  createRoute({ ...at, path: "/compare", component: lazyRouteComponent(() => import("./views/compare"), "Compare") }),
  createRoute({ ...at, path: "/tiles", component: lazyRouteComponent(() => import("./views/tiles"), "Tiles") }),
  createRoute({ ...at, path: "/usage", component: lazyRouteComponent(() => import("./views/usage"), "Usage") }),
  createRoute({ ...at, path: "/scenarios", component: lazyRouteComponent(() => import("./views/pages"), "Scenarios") }),
  createRoute({ ...at, path: "/worktrees", component: lazyRouteComponent(() => import("./views/pages"), "Worktrees") }),
  // What belongs to many people's server has its addresses already, so that no link of today means something else then.
  createRoute({ ...at, path: "/manage", component: lazyRouteComponent(() => import("./views/pages"), "Manage") }),
  createRoute({ ...at, path: "/manage/$", component: lazyRouteComponent(() => import("./views/pages"), "Manage") }),
  createRoute({ ...at, path: "/config", component: lazyRouteComponent(() => import("./views/pages"), "Config") }),
]);

const router = createRouter({ routeTree: routes, defaultPreload: false, scrollRestoration: false, defaultPendingMs: 150 });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

const client = new QueryClient({
  defaultOptions: { queries: { retry: (n, e) => n < 2 && e instanceof Problem && e.status === 0, refetchOnWindowFocus: false, staleTime: 2_000 } },
});

// A login of one tab is every tab's.
const tabs = new BroadcastChannel("ace");
tabs.onmessage = () => dispatchEvent(new Event(ENTERED));
addEventListener(ENTERED, () => void client.invalidateQueries());

const element = document.getElementById("root");
if (element) {
  const page = createRoot(element);
  login().then(
    (came) => {
      if (came) tabs.postMessage("entered");
      page.render(<StrictMode><QueryClientProvider client={client}><RouterProvider router={router} /></QueryClientProvider></StrictMode>);
    },
    (e: unknown) => page.render(
      <div className="empty"><h1>This link does not open anything</h1><p>{plain(e instanceof Problem ? e.detail : String(e))}</p><p>Open the link that <code>ace serve</code> prints; a shared link may have ended.</p></div>,
    ),
  );
}

// The files of a session at any record: the listing, and one of them as text. A picture is shown, all else can be downloaded.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { code, isCode } from "../text/code";
import { plain } from "../text/plain";
import { bytes, many } from "../text/units";
import { ask, BASE, get, query, type Tree } from "../wire/api";
import { useMe, useSession, useTitle } from "./hooks";

const LINES = 5000;
const route = getRouteApi("/s/$id/files");

/** The view. */
export function Files() {
  const { id } = route.useParams();
  const { seq, path } = route.useSearch() as { seq?: number; path?: string };
  const store = useSession(id);
  const me = useMe();
  const [words, setWords] = useState("");
  useTitle(store.state.head.name);
  const at = seq ?? store.state.seq;
  const tree = store.state.treeAt(at);
  const listing = useQuery({
    queryKey: ["tree", id, tree, at === 0], enabled: at > 0 && me?.scope !== "share",
    queryFn: ({ signal }) => get<Tree>(`/sessions/${id}/tree?at=${at}`, signal),
  });
  const files = useMemo(() => (listing.data?.files ?? []).filter((f) => f.path.toLowerCase().includes(words.toLowerCase())), [listing.data, words]);
  return (
    <div className="page">
      <div className="bar"><h1 className="el">{plain(store.state.head.name || id)}</h1><span className="dim">files at {at}{tree && ` · tree ${tree.slice(0, 7)}`} · {many(files.length, "file")}</span>
        <span className="sp" /><input type="search" aria-label="Filter files" placeholder="filter files" value={words} onChange={(e) => setWords(e.target.value)} /></div>
      <div className="filesview">
        <nav className="scroll tree" aria-label="Files" tabIndex={0}>
          {files.slice(0, 2000).map((f) => (
            <Link key={f.path} to="/s/$id/files" params={{ id }} search={{ seq, path: f.path }} aria-current={f.path === path ? "true" : undefined}>
              <span className="el">{plain(f.path)}</span><span className="dim">{store.state.files.get(f.path)?.at.length ? <><span className="plus">+{store.state.files.get(f.path)?.added}</span> <span className="minus">−{store.state.files.get(f.path)?.removed}</span></> : bytes(f.bytes)}</span>
            </Link>
          ))}
          {listing.data && listing.data.files.length === 0 && <p className="empty">{listing.data.why === "not recorded" ? "The state of files is recorded with the first call that writes." : plain(listing.data.why ?? "No files here.")}</p>}
          {me?.scope === "share" && <p className="empty">Files are not part of a shared link.</p>}
        </nav>
        {path ? <File id={id} path={path} at={at} /> : <div className="empty"><p>Choose a file: it is shown as it was at {at}.</p></div>}
      </div>
    </div>
  );
}

function File({ id, path, at }: { id: string; path: string; at: number }) {
  const address = `/sessions/${id}/file${query({ path, at })}`;
  const picture = /\.(png|jpe?g|gif|webp|avif)$/i.test(path);
  const loaded = useQuery({
    queryKey: ["file", id, path, at], enabled: !picture,
    queryFn: async ({ signal }) => {
      const answer = await ask("GET", address, undefined, signal);
      const media = answer.headers.get("Content-Type") ?? "";
      return media.startsWith("text/") ? await answer.text() : undefined;
    },
  });
  const body = plain(loaded.data ?? "");
  const lines = body.split("\n");
  return (
    <div className="page">
      <div className="bar"><b className="el">{plain(path)}</b><span className="sp" /><a className="button" href={BASE + address} download>Download</a></div>
      <div className="scroll" tabIndex={0} role="region" aria-label={path}>
        {picture ? <div className="empty shot"><img src={BASE + address} alt={path} /></div>
          : loaded.isError ? <p className="empty no">✗ {loaded.error.message}</p>
            : loaded.isSuccess && loaded.data === undefined ? <p className="empty">This file is no text.</p>
              : <div className="source">{lines.slice(0, LINES).map((line, i) => <div className="ln" key={i}><i>{i + 1}</i><span>{code(line, isCode(path))}</span></div>)}
                {lines.length > LINES && <p className="empty">{many(lines.length - LINES, "further line")}: download it to see all.</p>}</div>}
      </div>
    </div>
  );
}

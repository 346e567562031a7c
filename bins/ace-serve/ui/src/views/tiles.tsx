// Several sessions at once, without assist; a decision opens in its own tile.
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTitle } from "./hooks";
import { Panels } from "./work";

const route = getRouteApi("/tiles");

/** The view. */
export function Tiles() {
  const { s = "" } = route.useSearch() as { s?: string };
  const ids = s.split(",").filter(Boolean).slice(0, 4);
  const [focused, setFocused] = useState(ids[0]);
  useTitle("tiles");
  return (
    <div className="page">
      <div className="bar"><h1>Tiles</h1><span className="sp" /><Link className="button" to="/compare" search={{ s }}>Compare them</Link></div>
      <div className="tiles">
        {ids.map((id) => <div key={id} className="col tile" onFocus={() => setFocused(id)}><Panels id={id} focus={focused === id} tile /></div>)}
        {ids.length === 0 && <div className="empty"><p>Choose sessions in Compare and tile them.</p></div>}
      </div>
    </div>
  );
}

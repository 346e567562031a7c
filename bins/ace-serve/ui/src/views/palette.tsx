// The palette: one list of all there is to do and to see. Its foot shows the same as a shell command.
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type Command, choose } from "../model/commands";
import { plain } from "../text/plain";
import { post } from "../wire/api";
import { store } from "../wire/session";
import { ask } from "./composer";
import { Modal } from "./dialogs";
import { useCards, useMe } from "./hooks";
import { act, local, set } from "./local";

/** The palette. */
export function Palette() {
  const { id } = useParams({ strict: false }) as { id?: string };
  const cards = useCards();
  const me = useMe();
  const navigate = useNavigate();
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const commands = useMemo((): Command[] => {
    const out: Command[] = [];
    const owner = me?.scope !== "share";
    const add = (kind: Command["kind"], label: string, run: () => void, key?: string, same?: string) => out.push({ kind, label, run, key, same });
    const open = store(id ?? "").state;
    if (id && owner) {
      const seq = open.seq;
      add("session", `Fork at ${seq}`, () => ask("fork", seq), "f", `ace fork ${id}@${seq}`);
      add("session", `Rewind to ${seq}`, () => ask("rewind", seq), "w", `ace rewind ${id}@${seq}`);
      if (open.turn) add("session", "Cancel turn", () => void act(() => post(`/sessions/${id}/cancel`)), "^C", `ace cancel ${id}`);
      else add("session", "Run what is due", () => void act(() => post(`/sessions/${id}/resume`)), undefined, `ace resume ${id}`);
      add("session", "Undo the last turn, files too", () => void act(() => post(`/sessions/${id}/undo`)), undefined, `ace undo ${id}`);
      add("session", "Compact the conversation", () => void act(() => post(`/sessions/${id}/compact`)), undefined, `ace compact ${id}`);
      add("session", "Land", () => ask("land", seq), "L", `ace land ${id}`);
      add("session", "Share", () => ask("share", seq));
      add("session", "Archive", () => void act(() => post(`/sessions/${id}/archive`)), undefined, `ace archive ${id}`);
      for (const mode of ["plan", "ask", "edit", "auto"]) if (mode !== open.head.mode) add("session", `Change mode to ${mode}`, () => void act(() => post(`/sessions/${id}/configure`, { mode })));
      add("session", "Export as HTML", () => location.assign(`/api/v1/sessions/${id}/export.html?redacted=1`));
    }
    if (id) {
      add("go to", "Session", () => void navigate({ to: "/s/$id", params: { id }, search: {} }), "1", `ace show ${id}`);
      add("go to", "Timeline", () => void navigate({ to: "/s/$id/timeline", params: { id }, search: {} }), "2", `ace log ${id}`);
      add("go to", "Diff", () => void navigate({ to: "/s/$id/diff", params: { id }, search: {} }), "3", `ace diff ${id}`);
      add("go to", "Files", () => void navigate({ to: "/s/$id/files", params: { id }, search: {} }));
      add("go to", "Replay from the start", () => void navigate({ to: "/s/$id", params: { id }, search: { seq: 1 } }), "r");
    }
    if (owner) {
      add("go to", "New session", () => set({ dialog: "new" }), "n", "ace run …");
      add("compare", "Compare sessions", () => void navigate({ to: "/compare", search: id ? { s: id } : {} }), "4");
      add("compare", "Tile the newest four", () => void navigate({ to: "/tiles", search: { s: cards.slice(0, 4).map((c) => c.id).join(",") } }));
      add("go to", "Usage", () => void navigate({ to: "/usage", search: {} }), "5", "ace cost");
      add("go to", "Scenarios", () => void navigate({ to: "/scenarios", search: {} }));
      add("go to", "Worktrees", () => void navigate({ to: "/worktrees", search: {} }), undefined, "ace worktrees");
      add("go to", "Configuration", () => void navigate({ to: "/config", search: id ? { s: id } : {} }), undefined, "ace config --origin");
    }
    add("settings", "Switch between dark and light", () => set({ theme: local().theme === "dark" ? "light" : "dark" }), "t");
    add("settings", "Keys", () => set({ dialog: "keys" }), "?");
    add("settings", `Turn single-letter keys ${local().singleKeys ? "off" : "on"}`, () => set({ singleKeys: !local().singleKeys }));
    for (const card of cards) add("go to", `Session ${plain(card.name)}`, () => void navigate({ to: "/s/$id", params: { id: card.id }, search: {} }), card.project, `ace attach ${card.id}`);
    return out;
  }, [id, cards, me, navigate]);
  const found = /^#?(\d+)$/.exec(words.trim());
  const list = useMemo((): Command[] => {
    const fit = choose(commands, words.replace(/^#\d*$/, ""));
    if (!found || !id) return fit;
    const seq = Number(found[1]);
    return [
      { kind: "go to", label: `Event ${seq}`, run: () => void navigate({ to: "/s/$id/timeline", params: { id }, search: { seq } }), same: `ace show ${id}@${seq}` },
      { kind: "session", label: `Fork at ${seq}`, run: () => ask("fork", seq), same: `ace fork ${id}@${seq}` }, ...fit,
    ];
  }, [commands, words, id]);
  const chosen = list[Math.min(at, list.length - 1)];
  const run = (command: Command | undefined) => {
    if (!command) return;
    set({ dialog: "" });
    command.run();
  };
  return (
    <Modal title="Command palette" cls="pal">
      <input autoFocus aria-label="Go to or do" role="combobox" aria-expanded="true" aria-controls="pl" aria-activedescendant={chosen ? `pl-${list.indexOf(chosen)}` : undefined} placeholder="Go to or do" value={words}
        onChange={(e) => { setWords(e.target.value); setAt(0); }}
        onKeyDown={(e) => {
          const by = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
          if (by !== 0) {
            e.preventDefault();
            const next = (at + by + list.length) % Math.max(1, list.length);
            setAt(next);
            document.getElementById(`pl-${next}`)?.scrollIntoView({ block: "nearest" });
          }
          if (e.key === "Enter") { e.preventDefault(); run(chosen); }
        }} />
      <ul id="pl" role="listbox" aria-label="Commands">
        {list.map((command, i) => (
          <li key={`${command.kind}-${command.label}-${i}`} id={`pl-${i}`} role="option" aria-selected={command === chosen} onClick={() => run(command)} onPointerMove={() => setAt(i)}>
            <span className="dim">{command.kind}</span><span className="el">{command.label}</span>{command.key ? <kbd>{plain(command.key)}</kbd> : <span />}
          </li>
        ))}
        {list.length === 0 && <li role="option" aria-selected="false" aria-disabled="true"><span /><span className="dim">nothing fits</span><span /></li>}
      </ul>
      <p className="lbl" style={{ padding: "6px 16px", borderTop: "1px solid var(--rule)" }}>{chosen?.same ? <>same as <code>{chosen.same}</code></> : "↑ ↓ to choose, ↵ to do"}</p>
    </Modal>
  );
}

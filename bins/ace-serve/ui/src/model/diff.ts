// A patch as rows: pairs of an old and a new line, for two columns or one, with the words that differ.
// It must never know how rows are shown.
import { diffWordsWithSpace, parsePatch } from "diff";
import { plain } from "../text/plain";

/** A piece of a line; `mark`: it is what differs. */
export interface Word {
  text: string;
  mark: boolean;
}

/** One side of a row. */
export interface Side {
  n: number;
  words: Word[];
}

/** One row: both sides the same, changed, or only one there. */
export interface Row {
  kind: "same" | "changed" | "added" | "removed";
  old?: Side;
  new?: Side;
}

/** A run of rows. */
export interface Hunk {
  /** What stands above it: `lines 26–38`. */
  label: string;
  rows: Row[];
  /** Lines of the old file between the hunk before and this one. */
  gap: number;
}

/** One file of a patch. */
export interface FilePatch {
  path: string;
  oldPath: string;
  status: "added" | "modified" | "deleted" | "renamed";
  binary: boolean;
  added: number;
  removed: number;
  hunks: Hunk[];
}

/** Rows of one file that are compared word by word; beyond it lines are whole. */
const WORDS_ROWS = 2000;
const WORDS_CHARS = 500;

const whole = (text: string, mark = false): Word[] => [{ text: plain(text), mark }];

function words(old: string, now: string): [Word[], Word[]] {
  if (old.length > WORDS_CHARS || now.length > WORDS_CHARS) return [whole(old), whole(now)];
  const parts = diffWordsWithSpace(old, now);
  const same = parts.filter((p) => !p.added && !p.removed).reduce((n, p) => n + p.value.trim().length, 0);
  // Lines that have next to nothing in common are other lines: marking every word says nothing.
  if (same * 4 < Math.min(old.trim().length, now.trim().length)) return [whole(old), whole(now)];
  const side = (skip: "added" | "removed") =>
    parts.filter((p) => !p[skip]).map((p) => ({ text: plain(p.value), mark: p.added || p.removed }));
  return [side("added"), side("removed")];
}

/** The files of a unified patch; what cannot be read as one gives none. */
export function files(patch: string): FilePatch[] {
  let parsed: ReturnType<typeof parsePatch>;
  try {
    parsed = parsePatch(patch);
  } catch {
    return [];
  }
  return parsed.filter((file) => file.oldFileName || file.newFileName).map((file) => {
    const name = (given: string | undefined) => (given === "/dev/null" ? "" : (given ?? "").replace(/^[ab]\//, ""));
    const [oldPath, path] = [name(file.oldFileName), name(file.newFileName)];
    const made = file as { isCreate?: boolean; isDelete?: boolean; isRename?: boolean; isBinary?: boolean };
    const out: FilePatch = {
      path: plain(path || oldPath), oldPath: plain(oldPath), binary: made.isBinary ?? false, added: 0, removed: 0, hunks: [],
      status: made.isCreate || !oldPath ? "added" : made.isDelete || !path ? "deleted" : made.isRename ? "renamed" : "modified",
    };
    let end = 1;
    let rows = 0;
    for (const hunk of file.hunks) {
      const label = `lines ${hunk.newStart}–${hunk.newStart + Math.max(0, hunk.newLines - 1)}`;
      const made = lines(hunk.lines, hunk.oldStart, hunk.newStart, out, rows);
      rows += made.length;
      out.hunks.push({ label, rows: made, gap: Math.max(0, hunk.oldStart - end) });
      end = hunk.oldStart + hunk.oldLines;
    }
    return out;
  });
}

function lines(given: string[], oldAt: number, newAt: number, file: FilePatch, before: number): Row[] {
  const rows: Row[] = [];
  let gone: string[] = [];
  let come: string[] = [];
  let [o, n] = [oldAt, newAt];
  const flush = () => {
    for (let i = 0; i < Math.max(gone.length, come.length); i++) {
      const [was, is] = [gone[i], come[i]];
      if (was !== undefined && is !== undefined) {
        const [left, right] = before + rows.length < WORDS_ROWS ? words(was, is) : [whole(was), whole(is)];
        rows.push({ kind: "changed", old: { n: o++, words: left }, new: { n: n++, words: right } });
      } else if (was !== undefined) rows.push({ kind: "removed", old: { n: o++, words: whole(was) } });
      else rows.push({ kind: "added", new: { n: n++, words: whole(is ?? "") } });
    }
    file.removed += gone.length;
    file.added += come.length;
    gone = [];
    come = [];
  };
  for (const line of given) {
    const text = line.slice(1);
    if (line.startsWith("-")) {
      if (come.length > 0) flush();
      gone.push(text);
    } else if (line.startsWith("+")) come.push(text);
    else if (line.startsWith(" ") || line === "") {
      flush();
      rows.push({ kind: "same", old: { n: o++, words: whole(text) }, new: { n: n++, words: whole(text) } });
    }
  }
  flush();
  return rows;
}

/** Rows for one column: what goes stands before what comes, run by run. */
export function single(rows: Row[]): Row[] {
  const out: Row[] = [];
  let come: Row[] = [];
  const flush = () => {
    out.push(...come);
    come = [];
  };
  for (const row of rows) {
    if (row.kind === "changed") {
      out.push({ kind: "removed", old: row.old });
      come.push({ kind: "added", new: row.new });
    } else if (row.kind === "added") come.push(row);
    else {
      if (row.kind === "same") flush();
      out.push(row);
    }
  }
  flush();
  return out;
}

// The other rows of the transcript: turns, people, answers, drafts and notes.
import { Link } from "@tanstack/react-router";
import { memo, type ReactNode, useState } from "react";
import type { Answer, Item, Live, Note, Piece, Said, Turn } from "../model/items";
import type { TranscriptRow } from "../model/rows";
import { Markdown } from "../text/markdown";
import { plain } from "../text/plain";
import { clockwork, count, duration, many, money, time } from "../text/units";
import { Picture, useBlob } from "./blob";
import { CallLine, Since } from "./call";

/** The line of a turn. */
export function TurnLine({ turn, past, stuck }: { turn: Turn; past: boolean; stuck?: boolean }) {
  const ran = turn.end ? clockwork(Date.parse(turn.end.ts) - Date.parse(turn.ts)) : undefined;
  const cost = turn.priced || turn.cost > 0 ? money(turn.cost) : "no price";
  return (
    <div className={stuck ? "turn stuck" : "turn"}>
      <i /><span><b>turn {turn.turn}</b> {time(turn.ts)}
        <span className="e">
          {turn.state === "running" && !past ? <>running <Since ts={turn.ts} past={past} /></> : (ran ?? "running")}
          {turn.state === "cancelled" && ` · cancelled${turn.end?.who ? ` by ${plain(turn.end.who)}` : ""}`}
          {turn.state === "failed" && " · failed"} · {many(turn.calls, "call")} · {cost}
        </span>
      </span>
    </div>
  );
}

function Gutter({ item, session }: { item: Item; session: string }) {
  return (
    <Link className="n" to="/s/$id/timeline" params={{ id: session }} search={{ seq: item.seq }} aria-label={`record ${item.seq} on the timeline`}>
      {item.seq}
    </Link>
  );
}

function Reasoning({ piece, live }: { piece: Piece; live?: boolean }) {
  const [open, setOpen] = useState(false);
  const blob = useBlob(piece.blob, open);
  const text = piece.text ?? blob.data ?? "";
  const size = piece.blob ? `${count(piece.blob.bytes)} bytes` : many(text.split(/\s+/).filter(Boolean).length, "word");
  return (
    <div className="think">
      <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "▾" : "▸"} reasoning, {live ? "still going" : size}</button>
      {open && <Markdown source={text} />}
    </div>
  );
}

function Text({ piece }: { piece: Piece }) {
  const blob = useBlob(piece.blob);
  return <Markdown source={piece.text ?? blob.data ?? ""} />;
}

const STOPS: Record<string, string> = {
  length: "cut off at the output limit", filter: "stopped by the provider's filter", refusal: "declined", context: "the context window is full",
};

function AnswerBody({ answer }: { answer: Answer }) {
  return (
    <div>
      {answer.summary && <p className="lbl">summary of what came before</p>}
      {answer.pieces.map((piece, i) => (piece.kind === "reasoning" ? <Reasoning key={i} piece={piece} /> : <Text key={i} piece={piece} />))}
      {STOPS[answer.stop] && <p className="notice no">✗ {STOPS[answer.stop]}</p>}
    </div>
  );
}

function SaidBody({ said }: { said: Said }) {
  const blob = useBlob(said.blob);
  const text = said.text || (blob.data ?? "");
  return (
    <div>
      {said.now && <p className="lbl">steers the running turn</p>}
      {said.compact && <p className="lbl">an order to compact the conversation</p>}
      {said.state === "withdrawn" ? <p className="notice dim">taken back: {plain(text).slice(0, 200)}</p> : <Markdown source={text} />}
      {said.images.map((image, i) => <Picture key={image.sha} blob={image} name={`picture ${i + 1}`} />)}
    </div>
  );
}

function NoteBody({ note }: { note: Note }) {
  const tone = note.tone === "fail" ? "no" : note.tone === "warn" ? "you" : note.tone === "done" ? "ok" : "mid";
  return (
    <div>
      {note.partial && <Markdown source={note.partial} />}
      <p className={`notice ${tone}`}>{note.tone === "fail" && "✗ "}{plain(note.text)}{note.hint && <span className="dim"> · {plain(note.hint)}</span>}</p>
      {note.images.map((image) => <Picture key={image.sha} blob={image} name={note.text} />)}
    </div>
  );
}

/** A draft: no number, a block cursor. */
export function LiveRow({ live, past }: { live: Live; past: boolean }) {
  return (
    <div className="ev">
      <span className="n" /><b className="who mdl">model</b>
      <div>
        {live.reasoning && <Reasoning piece={{ kind: "reasoning", text: live.reasoning }} live />}
        {live.text && <Markdown source={live.text} />}
        <p className="notice dim">
          {live.call && `writes a call of ${plain(live.call)} `}{live.note && plain(live.note)} {!past && <span className="cur" role="img" aria-label="still writing" />}
        </p>
      </div>
    </div>
  );
}

/** One row. */
export const Row = memo(function Row(props: {
  row: TranscriptRow; session: string; selected: string; newestEdit: number; past: boolean; live?: Live; undone: boolean;
}) {
  const { row, session, selected, newestEdit, past, live, undone } = props;
  if ("live" in row) return <LiveRow live={row.live} past={past} />;
  const { item, first } = row;
  if (item.kind === "turn") return <div className={undone ? "undone" : undefined}><TurnLine turn={item} past={past} /></div>;
  const shell = (who: ReactNode, tone: string, body: ReactNode, tight = false) => (
    <div className={`ev${tight ? " t" : ""}${undone ? " undone" : ""}`}><Gutter item={item} session={session} /><b className={`who ${tone}`}>{first ? who : ""}</b>{body}</div>
  );
  switch (item.kind) {
    case "said": return shell(plain(item.author || "you"), "you", <SaidBody said={item} />);
    case "answer": return shell("model", "mdl", <AnswerBody answer={item} />);
    case "note": return shell("ace", "mid", <NoteBody note={item} />, true);
    case "call": return shell(
      item.state === "asked" ? "permit" : "tool", item.state === "asked" ? "prm" : "tl",
      <div><CallLine call={item} live={live} session={session} selected={selected === item.id} newestEdit={newestEdit === item.seq} past={past} /></div>, true,
    );
  }
});

/** How long an answer took and what it was made of, for the inspector. */
export const measured = (answer: Answer) => `${duration(answer.ms)} · ${count((answer.usage.input ?? 0) + (answer.usage.cache_read ?? 0))} in, ${count(answer.usage.output ?? 0)} out`;

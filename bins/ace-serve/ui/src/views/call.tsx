// One tool call: a line that says what, what came of it and who allowed it; below it what it gave.
import { Link } from "@tanstack/react-router";
import { memo, type ReactNode, useState } from "react";
import type { Call, Live } from "../model/items";
import { decided, outcome, subject } from "../model/subject";
import { plain } from "../text/plain";
import { clockwork, duration } from "../text/units";
import { Picture } from "./blob";
import { useNow } from "./hooks";
import { set } from "./local";
import { Output, Patch } from "./output";

/** How long since a record, counting on while something waits or runs. */
export function Since({ ts, past }: { ts: string; past: boolean }) {
  const now = useNow(1000, !past);
  const from = Date.parse(ts);
  return past || Number.isNaN(from) ? null : <>{clockwork(now - from)}</>;
}

function right(call: Call, past: boolean): ReactNode {
  const end = call.ended;
  if (call.state === "asked") return <span className="prm">? waits <Since ts={call.asked?.ts ?? call.ts} past={past} /></span>;
  if (call.state === "running") return <span className="mdl">▸ <Since ts={call.started?.ts ?? call.ts} past={past} /></span>;
  if (call.state === "due" || call.state === "allowed") return <span className="dim">‖ due</span>;
  const came = outcome(call);
  const changed = end?.changed ?? [];
  const added = changed.reduce((n, c) => n + c.added, 0);
  const removed = changed.reduce((n, c) => n + c.removed, 0);
  const person = call.answered && call.answered.who !== "rule";
  return (
    <>
      {changed.length > 0 && <><span className="plus">+{added}</span> <span className="minus">−{removed}</span> · </>}
      {(came.tone !== "dim" || changed.length === 0) && <><span className={came.tone === "dim" ? undefined : came.tone}>{came.tone === "no" && call.state !== "unknown" ? "✗ " : ""}{came.text}</span></>}
      {end && end.ms > 0 && changed.length === 0 && <> · {duration(end.ms)}</>}
      {(person || call.state === "denied" || changed.length > 0) && <> {changed.length > 0 && came.tone === "dim" ? "" : "· "}{decided(call)}</>}
    </>
  );
}

/** The body of an opened call. */
export function CallBody({ call, live, session }: { call: Call; live?: Live; session: string }) {
  const end = call.ended;
  const text = end?.output?.text ?? "";
  return (
    <>
      {call.answered && !call.answered.allowed && call.answered.why && <p className="notice no">{plain(call.answered.why)}</p>}
      {call.question && <p className="why">“{plain(call.question.question)}”{call.answered?.answer && ` — ${plain(call.answered.answer)}`}</p>}
      {call.tool === "shell" && /\n|.{90}/.test(String((call.args as { command?: unknown })?.command ?? "")) && <div className="out"><pre>{plain(String((call.args as { command?: unknown })?.command ?? ""))}</pre></div>}
      {call.state === "running" && live && <Output text={live.text} live />}
      {end && !end.ok && <p className="notice no">{plain(end.message)}</p>}
      {end && (end.patch || end.patchBlob)
        ? <Patch patch={end.patch} blob={end.patchBlob} review={(path) => (
          <Link to="/s/$id/diff" params={{ id: session }} search={{ seq: end.seq, scope: "call", path }}>review and comment</Link>
        )} />
        : end && text !== "" && <Output text={text} whole={end.output?.blob} total={end.output?.bytes} />}
      {end?.patch && call.tool === "shell" && text !== "" && <Output text={text} whole={end.output?.blob} total={end.output?.bytes} />}
      {end?.output?.images?.map((image, i) => <Picture key={image.sha + i} blob={image} name={`picture ${i + 1} of ${call.tool}`} />)}
      {!call.ended && call.tool !== "shell" && call.args !== undefined && !call.question && (
        <div className="out"><pre>{plain(JSON.stringify(call.args, null, 2)).slice(0, 20_000)}</pre></div>
      )}
    </>
  );
}

/** Whether a call is open before anybody touched it: what runs, the newest change, what failed. */
export const opens = (call: Call, newestEdit: boolean) =>
  call.state === "running" || newestEdit || call.state === "failed" || call.state === "unknown" || (call.ended?.output?.images?.length ?? 0) > 0;

const folds = new Map<string, boolean>();

/** One call of the transcript. */
export const CallLine = memo(function CallLine(props: {
  call: Call; live?: Live; session: string; selected: boolean; newestEdit: boolean; past: boolean;
}) {
  const { call, live, session, selected, newestEdit, past } = props;
  const key = `${session}/${call.id}`;
  const [, again] = useState(0);
  const open = folds.get(key) ?? opens(call, newestEdit);
  const what = subject(call.tool, call.args);
  return (
    <div className={selected ? "call sel" : "call"} data-call={call.id}>
      <button
        type="button" className="line" aria-expanded={open} title={what}
        onClick={() => {
          folds.set(key, !open);
          set({ selected: call.id });
          again((n) => n + 1);
        }}
      >
        <span aria-hidden="true" className="dim">{open ? "▾" : "▸"}</span><span>{plain(call.tool)}</span>
        <code className="el">{what}</code><span className={call.state === "asked" || call.state === "running" ? "m" : "m q"}>{right(call, past)}</span>
      </button>
      {open && <CallBody call={call} live={live} session={session} />}
    </div>
  );
});

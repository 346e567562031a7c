// The decision: what is asked, exactly, what it would mean, and the four answers. Focus is never moved here.
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import type { Call } from "../model/items";
import { exact } from "../model/subject";
import { plain } from "../text/plain";
import { type Ask, type DecisionBody, post } from "../wire/api";
import { useBlob } from "./blob";
import { Since } from "./call";
import { useKeys } from "./hooks";
import { act } from "./local";
import { Patch } from "./output";

/** Keys do nothing while a card is this new: a hand that was typing did not mean it. */
const ARMED_MS = 400;

/** A rule as the rules file writes it. */
export function rule(proposal: { tool: string; command?: string; paths?: string[] } | null | undefined): string {
  if (!proposal) return "";
  const what = proposal.command ? JSON.stringify(plain(proposal.command)) : (proposal.paths ?? []).map((p) => JSON.stringify(plain(p))).join(" ");
  return `allow ${plain(proposal.tool)}${what && ` ${what}`}`;
}

/** What a rule is about: the part of it that a person may word otherwise. */
function pattern(proposal: { command?: string; paths?: string[] } | null | undefined): string {
  return plain(proposal?.command ?? proposal?.paths?.[0] ?? "");
}

/** A patch that an edit would make, from its arguments. */
export function proposed(call: Call): string {
  const args = (call.args ?? {}) as Record<string, unknown>;
  const path = typeof args["path"] === "string" ? args["path"] : "";
  const lines = (text: unknown, sign: string) => (typeof text === "string" ? text.replace(/\n$/, "").split("\n").map((line) => sign + line) : []);
  if (call.tool === "patch") return String(args["patch"] ?? args["diff"] ?? "");
  const [old, now] = [lines(args["old"], "-"), lines(args["new"] ?? args["content"] ?? args["text"], "+")];
  if (!path || old.length + now.length === 0) return "";
  return `--- a/${path}\n+++ b/${path}\n@@ -1,${old.length} +1,${now.length} @@\n${[...old, ...now].join("\n")}\n`;
}

/** The card of one question. */
export function Decide({ session, call, ask, n, of, next, focus }: {
  session: string; call: Call; ask?: Ask; n: number; of: number; next: () => void; focus: boolean;
}) {
  const [denying, setDenying] = useState(false);
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  /** The rule as the person words it, in place of the one proposed. */
  const [own, setOwn] = useState<string>();
  const born = useRef(Date.now());
  const reason = useRef<HTMLTextAreaElement>(null);
  const args = useBlob(call.argsBlob);
  useEffect(() => {
    born.current = Date.now();
    setDenying(false);
    setSure(false);
    setWhy("");
    setOwn(undefined);
  }, [call.id]);
  const decide = async (body: DecisionBody) => {
    if (busy) return;
    setBusy(true);
    await act(() => post(`/sessions/${session}/calls/${call.id}/decision`, { ...body, ...(ask?.digest && { digest: ask.digest }) }));
    setBusy(false);
  };
  const keyed = (does: () => void) => () => {
    if (Date.now() - born.current > ARMED_MS) does();
  };
  const deny = () => {
    setDenying(true);
    requestAnimationFrame(() => reason.current?.focus());
  };
  const question = call.question;
  const proposal = call.asked?.proposal ?? ask?.proposal ?? undefined;
  const worded = own !== undefined && own.trim() !== "" && own !== pattern(proposal) ? { rule: own.trim() } : {};
  const allow = (scope: "session" | "always") => void decide({ decision: "allow", scope, ...worded });
  const always = () => (sure ? allow("always") : setSure(true));
  useKeys(question ? { d: keyed(deny) } : {
    y: keyed(() => void decide({ decision: "allow" })), d: keyed(deny),
    ...(proposal && { s: keyed(() => allow("session")), a: keyed(always) }),
    ...(of > 1 && { Tab: next }),
  }, focus);
  const patch = call.tool === "shell" || question ? "" : proposed(call);
  const said = (call.args as { description?: unknown } | null)?.description;
  return (
    <section className="card ask" aria-labelledby="decide" aria-live="polite">
      <h2 id="decide">
        <span><span className="prm">? {question ? "Answer" : "Decide"}</span> {plain(call.tool)} <span className="dim"><Since ts={call.asked?.ts ?? call.ts} past={false} /></span></span>
        <span className="dim">{of > 1 && <>{n + 1} of {of} <button type="button" className="link" onClick={next}>next</button> · </>}
          <Link to="/s/$id/timeline" params={{ id: session }} search={{ seq: call.seq }}>seq {call.seq}</Link></span>
      </h2>
      {typeof said === "string" && <p className="why">“{plain(said)}”</p>}
      {question ? <p className="why">“{plain(question.question)}”</p>
        : patch ? <Patch patch={patch} />
          : <pre className="cmd" tabIndex={0}>{call.argsBlob ? plain(args.data ?? "loading…") : exact(call)}</pre>}
      {!question && (
        <dl className="kv">
          <dt className="prm">asks</dt><dd>{plain(call.asked?.why ?? "")}</dd>
          <dt>rule</dt><dd>{plain(call.asked?.rule ?? "")}{call.asked?.layer && <span className="dim"> · {plain(call.asked.layer)}</span>}</dd>
          {call.asked?.risk && <><dt>at worst</dt><dd>{call.asked.risk === "destructive" || call.asked.risk === "network" ? <b className="no">{call.asked.risk}</b> : call.asked.risk}</dd></>}
        </dl>
      )}
      {proposal && !question && (
        <div className="rulebox"><span className="lbl">rule that session and always would record{own === undefined && <> · <button type="button" className="link" onClick={() => setOwn(pattern(proposal))}>edit the rule</button></>}</span><br />
          {own === undefined ? <code>{rule(proposal)}</code> : (
            <span className="own"><code>allow {plain(proposal.tool)}</code><input aria-label="The rule" value={own} autoFocus spellCheck={false} onChange={(e) => setOwn(e.target.value)} onKeyDown={(e) => e.key === "Escape" && setOwn(undefined)} />
              <button type="button" className="bare" onClick={() => setOwn(undefined)}>as proposed</button></span>
          )}</div>
      )}
      {denying ? (
        <form onSubmit={(e) => { e.preventDefault(); void decide({ decision: "deny", why: why.trim() }); }}>
          <textarea ref={reason} aria-label="Why not" placeholder="Why not: the model reads this" rows={2} style={{ width: "100%" }} value={why}
            onChange={(e) => setWhy(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === "Escape") setDenying(false);
              if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); void decide({ decision: "deny", why: why.trim() }); }
            }} />
          <div className="keys"><button type="submit" className="pri" disabled={busy}>Deny <kbd>↵</kbd></button><button type="button" onClick={() => setDenying(false)}>Back <kbd>esc</kbd></button></div>
        </form>
      ) : question ? (
        <Answers question={question} busy={busy} answer={(answer) => void decide({ decision: "allow", answer })} deny={deny} />
      ) : (
        <div className="keys">
          <button type="button" className="pri" disabled={busy} onClick={() => void decide({ decision: "allow" })}>Once <kbd>y</kbd></button>
          <button type="button" disabled={busy || !proposal} title={proposal ? rule(proposal) : "no rule can say this"} onClick={() => allow("session")}>Session <kbd>s</kbd></button>
          <button type="button" disabled={busy || !proposal} title={proposal ? rule(proposal) : "no rule can say this"} onClick={always}>{sure ? "Record rule" : "Always"} <kbd>a</kbd></button>
          <button type="button" className="deny" disabled={busy} onClick={deny}>Deny with a reason <kbd>d</kbd></button>
        </div>
      )}
    </section>
  );
}

function Answers({ question, busy, answer, deny }: { question: NonNullable<Call["question"]>; busy: boolean; answer: (text: string) => void; deny: () => void }) {
  const [text, setText] = useState("");
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (text.trim()) answer(text.trim()); }}>
      <div className="keys">
        {question.choices.map((choice, i) => (
          <button type="button" className="choice" key={i} disabled={busy} onClick={() => answer(choice.label)}>
            <span>{plain(choice.label)}{choice.detail && <span className="dim"> · {plain(choice.detail)}</span>}</span>
          </button>
        ))}
        <input style={{ gridColumn: "1 / -1" }} aria-label="Your answer" placeholder="Or in your own words" value={text} onChange={(e) => setText(e.target.value)} />
        <button type="submit" className="pri" disabled={busy || !text.trim()}>Answer <kbd>↵</kbd></button>
        <button type="button" className="deny" disabled={busy} onClick={deny}>Do not answer <kbd>d</kbd></button>
      </div>
    </form>
  );
}

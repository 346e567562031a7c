import { describe, expect, test } from "vitest";
import type { Event } from "../src/events/types";
import { Fold, fold } from "../src/model/fold";
import type { Call, Said } from "../src/model/items";
import { decided, outcome, summary } from "../src/model/subject";
import { names, session } from "./fixtures";

const calls = (state: Fold) => state.items.filter((i): i is Call => i.kind === "call");
const said = (state: Fold) => state.items.filter((i): i is Said => i.kind === "said");

const standings: Record<string, string> = {
  asked: "done", budget: "failed", cancelled: "cancelled", compacted: "done", crash: "done", failed: "failed", long: "done",
  queued: "done", short: "done", travel: "done", "view-run": "done", waiting: "waits", withdrawn: "done", work: "done",
};

describe("every recorded session", () => {
  for (const name of names) {
    test(`${name} folds line by line, resumed and replayed, to one state`, () => {
      const events = session(name);
      const whole = fold(events);
      const again = new Fold();
      for (const [i, event] of events.entries()) {
        again.add(event);
        // A reader that resumes is sent nothing twice, and would not mind.
        if (i % 3 === 0) again.add(event);
      }
      expect(again.items).toEqual(whole.items);
      expect(again.totals).toEqual(whole.totals);
      expect(whole.items.map((i) => i.born).every((n) => n > 0)).toBe(true);
      for (const event of events) expect(summary(event, whole).length).toBeLessThan(500);
      if (standings[name]) expect(whole.standing).toBe(standings[name]);
    });
  }
});

test("a call is one item from its request to its end", () => {
  const state = fold(session("work"));
  expect(state.head).toMatchObject({ name: "fixture", model: "test/scripted", mode: "auto", branch: "ace/fixture" });
  expect(calls(state).map((c) => [c.tool, c.state])).toEqual([
    ["read", "done"], ["read", "done"], ["read", "failed"], ["edit", "done"], ["shell", "denied"], ["shell", "failed"],
  ]);
  const [, , missing, edit, curl, exit] = calls(state);
  expect(outcome(missing as Call).text).toBe("not found");
  expect(edit?.ended?.changed).toEqual([{ path: "a.txt", added: 1, removed: 1 }]);
  expect(decided(curl as Call)).toBe("denied by rule pipe-to-shell");
  expect(outcome(exit as Call)).toEqual({ text: "exit 3", tone: "no" });
  expect(state.files.get("a.txt")).toMatchObject({ added: 1, removed: 1, at: [26] });
});

test("an answer stands before its calls, though its record comes after theirs", () => {
  const kinds = fold(session("work")).items.map((i) => i.kind);
  expect(kinds.slice(0, 6)).toEqual(["said", "turn", "answer", "call", "call", "call"]);
});

test("who is asked waits; an answer ends it", () => {
  const state = fold(session("waiting"));
  expect(state.asked.map((c) => [c.seq, c.asked?.proposal?.command])).toEqual([[12, "make"], [13, "make test"]]);
  const answer = { v: 1, id: "answer-x", session: "s", turn: 1, by: "ace-permit", ts: "", type: "permission.resolved" };
  state.add({ ...answer, seq: 99, cause: state.asked[0]?.id, data: { decision: "allow", who: "mira", scope: "session", digest: "" } });
  expect(state.asked.map((c) => c.seq)).toEqual([13]);
  expect(decided(calls(state)[1] as Call)).toBe("allowed for this session by mira");
});

test("messages wait, steer, are taken up and taken back", () => {
  const events = session("withdrawn");
  const at = (seq: number) => fold(events.filter((e) => (e.seq ?? 0) <= seq));
  expect(at(7).queue.map((m) => m.text)).toEqual(["second"]);
  expect(at(11).queue.map((m) => [m.text, m.now])).toEqual([["be quick", true], ["third", false]]);
  expect(said(at(25)).map((m) => m.state)).toEqual(["taken", "withdrawn", "taken", "taken"]);
  expect(at(20).standing).toBe("queued");
});

test("what a crash left is unknown, never failed alone", () => {
  expect(calls(fold(session("crash"))).map((c) => c.state)).toEqual(["unknown"]);
});

test("what a way back has undone counts no more", () => {
  const state = fold(session("travel"));
  expect(state.undone).toEqual([[16, 30]]);
  expect(state.isUndone(20)).toBe(true);
  expect(state.isUndone(32)).toBe(false);
  expect(state.files.get("a.txt")?.at).toEqual([11, 40]);
});

test("a question of the model's keeps its answer", () => {
  const [call] = calls(fold(session("asked")));
  expect(call?.question?.choices[0]?.label).toBe("sqlite");
  expect(call?.answered?.answer).toBe("sqlite");
});

test("drafts have no number and go with their record", () => {
  const events = session("short");
  const claim = events.find((e) => e.type === "model.requested") as Event;
  const state = fold(events.slice(0, events.indexOf(claim) + 1));
  const chalk = (text: string) => ({ type: "model.delta", cause: claim.id, after: claim.seq, data: { text } });
  state.add(chalk("hel"));
  state.add(chalk("lo"));
  expect(state.live.get(claim.id as string)?.text).toBe("hello");
  const items = state.items.length;
  for (const event of events.slice(events.indexOf(claim) + 1)) state.add(event);
  expect(state.live.size).toBe(0);
  expect(state.items.length).toBeGreaterThan(items);
});

test("no line can throw, whatever its payload is", () => {
  const types = new Set(session("work").map((e) => e.type));
  const state = new Fold();
  let seq = 0;
  for (const type of [...types, "session.rewound", "artifact.stored", "worktree.landed", "future.thing"]) {
    for (const data of [undefined, null, 3, "x", [], {}, { parts: 3, changed: "x", names: null, ranges: {} }]) {
      state.add({ seq: ++seq, type, id: `i${seq}`, cause: `i${seq - 1}`, data } as Event);
    }
  }
  expect(state.seq).toBe(seq);
  expect(state.unknown).toBeGreaterThan(0);
});

test("f24_100_000_events_fold_in_a_second", () => {
  const lines = session("work").slice(2);
  const many: Event[] = [];
  for (let round = 0; many.length < 100_000; round++) {
    const of = (id?: string) => id && `${id}-${round}`;
    for (const line of lines) many.push({ ...line, seq: many.length + 1, id: of(line.id), cause: of(line.cause), turn: round });
  }
  const began = performance.now();
  const state = fold(many);
  expect(state.seq).toBe(many.length);
  expect(calls(state).length).toBeGreaterThan(15_000);
  // Far more than it takes (0.3 s here), so that a slow machine does not fail it and a square does.
  expect(performance.now() - began).toBeLessThan(30_000);
});

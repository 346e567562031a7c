import { describe, expect, test } from "vitest";
import { commands, differs, type Step, steps } from "../src/model/compare";
import { session } from "./fixtures";

const step = (told: string, came = "exit 0", tone: Step["tone"] = "ok"): Step => ({ told, tool: told.split(" ")[0] ?? "", seq: 1, came, tone });

describe("runs of one task", () => {
  test("differ first where a call, or how a command came out, is another", () => {
    const [test1, read] = [step("shell make test", "exit 2", "no"), step("read a.rs", "1 KB", "dim")];
    expect(differs([[test1, read], [test1, read]])).toBeUndefined();
    expect(differs([[test1, read], [test1, step("read b.rs", "1 KB", "dim")]])).toBe(1);
    expect(differs([[test1], [step("shell make test")]])).toBe(0);
    expect(differs([[test1, read], [test1]])).toBe(1);
    expect(differs([[test1, read], [test1, step("read a.rs", "2 KB", "dim")]])).toBeUndefined();
    expect(differs([[test1]])).toBeUndefined();
    expect(differs([])).toBeUndefined();
  });

  test("are told by their commands, each as it came out last", () => {
    const rows = commands([[step("shell make", "exit 2", "no"), step("shell make")], [step("shell make", "exit 2", "no"), step("shell ls"), step("read a")]]);
    expect(rows.map((row) => [row.told, row.last.map((s) => s?.came)])).toEqual([["shell make", ["exit 0", "exit 2"]]]);
  });

  test("are read from their logs", () => {
    const work = steps(session("work"));
    expect(work.length).toBeGreaterThan(0);
    expect(differs([work, work])).toBeUndefined();
    expect(differs([work, work.slice(1)])).toBe(0);
  });
});

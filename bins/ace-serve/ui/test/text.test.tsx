import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { files, single } from "../src/model/diff";
import { ansi } from "../src/text/ansi";
import { Markdown, target } from "../src/text/markdown";
import { oneLine, plain } from "../src/text/plain";
import { count, duration, money, when } from "../src/text/units";

describe("plain", () => {
  test("a19_text_that_turns_or_hides_is_shown", () => {
    expect(plain("rm \u202eexe.txt")).toBe("rm ‹U+202E›exe.txt");
    expect(plain("pass\u200bword")).toBe("pass‹U+200B›word");
    expect(plain("a\u{e0041}b")).toBe("a‹U+E0041›b");
    expect(plain("a\u2066b\u2069")).toBe("a‹U+2066›b‹U+2069›");
  });
  test("control characters are symbols, lines and tabs stay", () => {
    expect(plain("\u001b[31mred\u0007\r\n\tx\u009b")).toBe("␛[31mred␇\n\tx‹U+009B›");
    expect(plain("a\rb")).toBe("a␍b");
  });
  test("half a character is none", () => expect(plain("a\ud800b\udc00")).toBe("a\ufffdb\ufffd"));
  test("families stay together", () => expect(plain("👩‍💻")).toBe("👩‍💻"));
  test("one line has one line", () => expect(oneLine("a\n\n b\u2028c")).toBe("a b c"));
});

describe("ansi", () => {
  const text = (s: string) => ansi(s).map((x) => x.text).join("");
  test("colours and weights are kept", () => {
    expect(ansi("\u001b[1;31mFAIL\u001b[0m ok")).toEqual([{ text: "FAIL", bold: true, fg: 1 }, { text: " ok" }]);
    expect(ansi("\u001b[38;5;46mx")[0]?.fg).toBe(10);
    expect(ansi("\u001b[38;2;200;0;0mx")[0]?.fg).toBe(1);
    expect(ansi("\u001b[92mx\u001b[39my").map((s) => s.fg)).toEqual([10, undefined]);
  });
  test("b17_orders_to_a_terminal_do_nothing", () => {
    expect(text("a\u001b]52;c;ZXZpbA==\u0007b")).toBe("ab");
    expect(text("a\u001b]8;;javascript:alert(1)\u001b\\click\u001b]8;;\u001b\\")).toBe("aclick");
    expect(text("\u001b]0;title\u0007\u001b[2J\u001b[H\u001b[21tx\u001bP$qm\u001b\\y")).toBe("xy");
    expect(text(`a\u001b]${"x".repeat(1e6)}`)).toBe("a");
  });
  test("what a progress bar wrote over is gone", () => expect(text("10%\r50%\r100%\nnext\r\nx")).toBe("100%\nnext\nx"));
  test("an escape at the very end is nothing", () => expect(text("a\u001b")).toBe("a"));
});

describe("markdown", () => {
  const html = (source: string) => renderToStaticMarkup(<Markdown source={source} />);
  test("b15_markup_of_the_log_is_text", () => {
    for (const evil of [
      "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](data:text/html,<script>)",
      "<svg onload=alert(1)>", "[x](vbscript:x)", "<a href='javascript:x'>y</a>", "[a](JaVaScRiPt:x)", "```\n</pre><script>\n```",
      "[x]: javascript:alert(1)\n\n[x]", "<javascript:alert(1)>", "| a |\n|-|\n| <b onclick=x> |",
    ]) {
      const out = html(evil);
      expect(out, evil).not.toMatch(/<(script|img|svg|iframe|b onclick)|href="(?!https?:)/i);
      expect(out, evil).not.toMatch(/\son\w+=/i.test(out.replace(/&[a-z]+;.*/g, "")) ? /./ : /$^/);
    }
  });
  test("links show where they lead", () => {
    const out = html("[docs](https://example.org/a)");
    expect(out).toContain('href="https://example.org/a"');
    expect(out).toContain("(https://example.org/a)");
    expect(out).toContain("noopener");
    expect(target("file:///etc/passwd")).toBeUndefined();
  });
  test("pictures are named, not loaded", () => expect(html("![plan](https://e.org/p.png)")).toContain("[picture: plan]"));
  test("what it is for", () => {
    const out = html("# A\n\nx *y* `z & <w>`\n\n- one\n- two\n\n```rust\nfn main() {} // end\n```");
    expect(out).toContain("<h3>A</h3>");
    expect(out).toContain("<code>z &amp; &lt;w&gt;</code>");
    expect(out).toContain("<b>fn</b>");
    expect(out).toContain("<em>// end</em>");
  });
  test("depth and length have an end", () => {
    const began = performance.now();
    for (const deep of [">".repeat(20_000), "- ".repeat(20_000), "[".repeat(20_000), "*a".repeat(20_000), "x".repeat(3e6)]) html(deep);
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});

describe("diff", () => {
  const patch = "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -26,3 +26,4 @@\n same\n-year % 4 == 0\n+year % 4 == 0 && x\n+more\n }\n";
  test("lines stand in pairs and words that differ are marked", () => {
    const [file] = files(patch);
    expect(file).toMatchObject({ path: "a.rs", added: 2, removed: 1, status: "modified" });
    expect(file?.hunks[0]?.rows.map((r) => [r.kind, r.old?.n, r.new?.n])).toEqual([
      ["same", 26, 26], ["changed", 27, 27], ["added", undefined, 28], ["same", 28, 29],
    ]);
    expect(file?.hunks[0]?.rows[1]?.new?.words).toEqual([{ text: "year % 4 == 0", mark: false }, { text: " && x", mark: true }]);
    expect(single(file?.hunks[0]?.rows ?? []).map((r) => r.kind)).toEqual(["same", "removed", "added", "added", "same"]);
  });
  test("new, deleted, renamed and binary files", () => {
    const all = files(
      "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+x\ndiff --git a/d b/d\ndeleted file mode 100644\n--- a/d\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\ndiff --git a/o b/p\nsimilarity index 100%\nrename from o\nrename to p\ndiff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n",
    );
    expect(all.map((f) => [f.path, f.status, f.binary])).toEqual([
      ["n", "added", false], ["d", "deleted", false], ["p", "renamed", false], ["i.png", "modified", true],
    ]);
  });
  test("what is no patch has no files that throw", () => {
    for (const text of ["", "nonsense", "@@ -1 +1 @@\n", "--- a\n+++ b\n@@ x"]) expect(() => files(text)).not.toThrow();
  });
  test("a19_a_patch_hides_nothing", () => {
    const rows = files("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+\u202eb\n")[0]?.hunks[0]?.rows;
    expect(JSON.stringify(rows)).toContain("‹U+202E›");
  });
});

test("numbers carry units", () => {
  expect([money(82_900), money(12_340_000), money(null), money(0)]).toEqual(["$0.083", "$12.34", "no price", "$0.000"]);
  expect([count(999), count(10_100), count(2_400_000)]).toEqual(["999", "10.1k", "2.4M"]);
  expect([duration(3), duration(6410), duration(127_000)]).toEqual(["3 ms", "6.4 s", "2:07"]);
  expect(when("2026-11-20T06:41:00Z", Date.parse("2026-11-20T06:53:10Z"))).toBe("12 min ago");
});

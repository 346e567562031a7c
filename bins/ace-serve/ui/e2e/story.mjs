// What the model of the cases says: one script, chosen by the words of the prompt.
import { turn } from "./model.mjs";

export const CALENDAR = `//! Dates of the daybook.

/// Gregorian leap years.
#[must_use]
pub const fn is_leap(year: i32) -> bool {
    year % 4 == 0
}

pub const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
`;

const RULE = "/// Gregorian leap years.\n/// Every fourth year, but of the centuries\n/// only those divisible by 400.\n#[must_use]\npub const fn is_leap(year: i32) -> bool {\n    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)\n";
const OLD = "/// Gregorian leap years.\n#[must_use]\npub const fn is_leap(year: i32) -> bool {\n    year % 4 == 0\n";

/** Everything a hostile answer may try. */
export const EVIL = [
  "<script>window.pwned=1</script>", "<img src=x onerror=\"window.pwned=1\">", "[click](javascript:window.pwned=1)", "![p](data:text/html,<script>window.pwned=1</script>)",
  "![r](http://elsewhere.test/pixel.png) ![r](//elsewhere.test/pixel.png) <img src=http://elsewhere.test/b.png> <video poster=http://elsewhere.test/c.png>",
  "<svg onload=window.pwned=1>", "<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>", "$\\href{javascript:window.pwned=1}{x}$", "```mermaid\nclick A \"javascript:window.pwned=1\"\n```",
  "name \u202Eevil\u202C and pass\u200Bword", "\u001b]52;c;cHduZWQ=\u0007\u001b[2J",
].join("\n\n");

const STORIES = {
  "date parser": [
    { text: "I will run the tests to see which one fails, then read the code behind it.", calls: [["shell", { command: "printf 'test accepts_2000 ... \\033[32mok\\033[0m\\ntest rejects_1900 ... \\033[31mFAILED\\033[0m\\n'; exit 101" }]] },
    { calls: [["grep", { pattern: "days_in_month", path: "src" }], ["read", { path: "src/calendar.rs" }]] },
    { reasoning: "The century rule is missing.", calls: [["edit", { path: "src/calendar.rs", old: OLD, new: RULE }]] },
    { text: "The test passes. `is_leap` counted every fourth year and forgot the century rule, so 29 February 1900 was accepted." },
  ],
  evil: [{ text: EVIL, calls: [["shell", { command: "printf '\\033]8;;javascript:window.pwned=1\\033\\\\click\\033]8;;\\033\\\\ \\033]0;pwned\\007 <b onclick=window.pwned=1>bold</b> \\033[31mred\\033[0m'" }]] }, { text: "Done." }],
  slow: [{ endless: "word" }],
  makes: [{ text: "I want to run the tests.", calls: [["shell", { command: "echo made > made.txt && cat made.txt" }]] }, { text: "It ran." }],
  touches: [
    { text: "Some files first.", calls: [["shell", { command: "touch one.txt" }]] }, { calls: [["shell", { command: "touch two.txt" }]] },
    { calls: [["shell", { command: "touch three.txt" }]] }, { text: "That is all." },
  ],
  hangs: [{ text: "Let me think. ", hang: true }],
  asks: [{ calls: [["ask_user", { question: "Which database should the tests use?", choices: [{ label: "sqlite", detail: "in memory" }, { label: "postgres" }] }]] }, { text: "Noted." }],
};

/** The answer to a conversation. */
export function script(messages) {
  const { said, answers } = turn(messages);
  const story = Object.entries(STORIES).find(([word]) => said.includes(word))?.[1];
  return story ? (story[Math.min(answers, story.length - 1)] ?? {}) : { text: `You said: ${said.slice(0, 60)}` };
}

/** Prices, so that cost is shown. */
export const PRICES = '[prices."test/scripted"]\ninput = 3.0\noutput = 15.0\ncache_read = 0.3\n';

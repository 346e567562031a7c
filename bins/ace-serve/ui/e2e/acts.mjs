// Acting: what a person does to sessions in a browser, each looked up afterwards in the log or in the repository.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CALENDAR, PRICES, script } from "./story.mjs";
import { eventually, open, PROGRAMS, world } from "./world.mjs";

const daybook = (more = {}) => world({ files: { "src/calendar.rs": CALENDAR }, script, config: PRICES, ...more });
const clean = (page) => assert.deepEqual(page.faults, []);
const decisions = (w, id) => w.log(id).filter((e) => e.type === "permission.resolved" && e.data.who !== "rule").map(({ data }) => data);
const button = (page, name) => page.getByRole("button", { name });

/** A session begun in the browser's name, and its page. */
async function at(w, page, prompt, more) {
  const id = await w.begin(prompt, more);
  await page.goto(`${w.origin}/s/${id}`);
  return id;
}

/** The card that asks about a command. Its keys sleep while it is new. */
async function card(page, command) {
  await page.locator(".card.ask", { hasText: command }).waitFor();
  await page.waitForTimeout(450);
}

export async function a_decision_is_made_once_for_the_session_or_never(chromium, shot) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "it touches files");
  await card(page, "touch one.txt");
  assert.equal(await page.locator(".card.ask pre.cmd").innerText(), "touch one.txt");
  assert.match(await page.locator(".rulebox").innerText(), /allow shell "touch one\.txt"/);
  await shot(page, "decide");
  await button(page, /^Session/).click();
  await card(page, "touch two.txt");
  await button(page, /^Deny with a reason/).click();
  await page.getByLabel("Why not").fill("two is enough");
  await page.keyboard.press("Enter");
  await card(page, "touch three.txt");
  await page.keyboard.press("y");
  await page.locator(".log").getByText("That is all.").waitFor();
  const [session, never, once] = decisions(w, id);
  assert.deepEqual([session.decision, session.scope, session.grant], ["allow", "session", { tool: "shell", command: "touch one.txt" }]);
  assert.deepEqual([never.decision, never.why], ["deny", "two is enough"]);
  assert.deepEqual([once.decision, once.scope ?? "once", once.grant], ["allow", "once", undefined]);
  await page.locator(".call > .line", { hasText: "touch two.txt" }).click();
  await page.locator(".assist .card", { hasText: "two is enough" }).waitFor();
  clean(page);
  await w.close();
}

export async function a_rule_is_written_as_the_person_words_it(chromium, shot) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "it touches files");
  await card(page, "touch one.txt");
  await button(page, "edit the rule").click();
  const rule = page.getByLabel("The rule");
  await rule.fill("rm ...");
  await button(page, /^Always/).click();
  await button(page, /^Record rule/).click();
  await page.locator(".ban.f", { hasText: "would not allow" }).waitFor();
  assert.deepEqual(decisions(w, id), [], "a rule that is not of this call is none");
  await rule.fill("touch ...");
  await shot(page, "decide-rule");
  await button(page, /^Record rule/).click();
  await page.locator(".log").getByText("That is all.").waitFor();
  const [always, ...others] = decisions(w, id);
  assert.deepEqual([always.scope, always.grant, others], ["always", { tool: "shell", command: "touch ..." }, []], "nothing else was asked");
  // It holds for whoever comes next.
  const next = await w.begin("it touches files too");
  await w.until(next, "done");
  assert.deepEqual(decisions(w, next), []);
  clean(page);
  await w.close();
}

export async function a_question_of_the_model_is_answered(chromium) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "it asks");
  await page.locator(".card.ask", { hasText: "Which database" }).waitFor();
  await button(page, /^.*sqlite/).click();
  await page.locator(".log").getByText("Noted.").waitFor();
  assert.match(decisions(w, id)[0].answer, /sqlite/);
  clean(page);
  await w.close();
}

export async function messages_queue_steer_and_a_turn_is_cancelled(chromium) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "it hangs");
  const field = page.getByLabel("Message to the model");
  const rows = page.locator(".comp .queue");
  await button(page, /^Cancel turn/).waitFor();
  await field.fill("first of the queue");
  await field.press("Enter");
  await rows.filter({ hasText: "first of the queue" }).getByRole("button", { name: "Edit" }).click();
  await eventually("it is in the field again", async () => (await field.inputValue()) === "first of the queue");
  assert.equal(await rows.count(), 0);
  await field.fill("dropped");
  await field.press("Enter");
  await rows.filter({ hasText: "dropped" }).getByRole("button", { name: "Drop" }).click();
  await eventually("it is gone", async () => (await rows.count()) === 0);
  await field.fill("the next one");
  await field.press("Enter");
  await rows.filter({ hasText: "next 1" }).waitFor();
  await button(page, /^Cancel turn/).click();
  await button(page, /^Press again/).click();
  await page.locator(".log").getByText("You said: the next one").waitFor();
  const log = w.log(id);
  const cancelled = log.find((e) => e.type === "turn.cancelled");
  assert.ok(cancelled && cancelled.seq < log.find((e) => e.type === "turn.completed").seq);
  // What is said now is read within the turn that runs.
  const other = await at(w, page, "it touches files");
  await card(page, "touch one.txt");
  await field.fill("stop that");
  await field.press("Control+Enter");
  await rows.filter({ hasText: "steers" }).waitFor();
  await page.locator(".card.ask h2").click();
  await page.keyboard.press("y");
  await page.locator(".log").getByText("You said: stop that").waitFor();
  assert.equal(w.log(other).filter((e) => e.type === "turn.started").length, 1);
  clean(page);
  await w.close();
}

export async function a_past_is_forked_and_rewound(chromium) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "Make the failing date parser test pass.", { mode: "auto", unsandboxed: true });
  await page.locator(".log").getByText("forgot the century rule").waitFor();
  await w.until(id, "done");
  const edit = w.log(id).find((e) => e.type === "tool.completed" && e.data.changed);
  const tree = (await w.api("GET", `/sessions/${id}`)).worktree.path;
  assert.match(readFileSync(join(tree, "src/calendar.rs"), "utf8"), /of the centuries/);
  await page.goto(`${w.origin}/s/${id}/timeline?seq=${edit.seq - 1}`);
  await page.locator(`#row-${edit.seq - 1}[aria-selected=true]`).waitFor();
  await page.keyboard.press("f");
  await page.getByLabel("First message of the fork").fill("go another way");
  await button(page, /^Fork$/).click();
  await page.locator(".log").getByText("You said: go another way").waitFor();
  const child = /\/s\/(\w+)/.exec(page.url())[1];
  const made = await w.api("GET", `/sessions/${child}`);
  assert.deepEqual(made.forked_from, { session: id, seq: edit.seq - 1 });
  assert.equal(readFileSync(join(made.worktree.path, "src/calendar.rs"), "utf8"), CALENDAR, "files as they were");
  const began = w.log(id).find((e) => e.type === "turn.started").seq;
  await page.goto(`${w.origin}/s/${id}/timeline?seq=${began - 1}`);
  await page.locator(`#row-${began - 1}[aria-selected=true]`).waitFor();
  await page.keyboard.press("w");
  await button(page, /^Rewind$/).click();
  await page.getByLabel("Message to the model").waitFor();
  await eventually("the file is as it was", () => readFileSync(join(tree, "src/calendar.rs"), "utf8") === CALENDAR);
  assert.ok(w.log(id).some((e) => e.type === "session.rewound"));
  clean(page);
  await w.close();
}

export async function sessions_begin_here_one_or_several(chromium, shot) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  await page.getByText("No sessions yet").waitFor();
  const dialog = page.locator("dialog.new");
  const fill = async (prompt) => {
    await page.keyboard.press("n");
    await dialog.getByLabel("task").fill(prompt);
    await dialog.getByLabel("repository").fill(w.project);
  };
  await fill("say hello");
  await dialog.getByText("plan", { exact: true }).click();
  await dialog.getByLabel("money limit in dollars").fill("0.50");
  assert.match(await dialog.locator("footer code").innerText(), /ace run --mode plan --budget 0\.50 'say hello'/);
  await dialog.getByRole("button", { name: /^Start/ }).click();
  await page.locator(".log").getByText("You said: say hello").waitFor();
  const [first] = (await w.api("GET", "/sessions")).sessions;
  assert.equal(first.mode, "plan");
  assert.equal((await w.api("GET", `/sessions/${first.id}`)).limits.money, 500_000);
  await fill("race");
  await dialog.getByLabel("runs").selectOption("2");
  await dialog.getByRole("button", { name: /^Start/ }).click();
  await page.locator(".cmp th[scope=col]").nth(1).waitFor();
  await eventually("both are done", async () => (await page.locator(".cmp .verdict", { hasText: "done" }).count()) === 2);
  await page.getByRole("row", { name: /^first differs/ }).getByText("nowhere").first().waitFor();
  await shot(page, "compare-two");
  assert.equal((await w.api("GET", "/sessions")).total, 3);
  await page.getByRole("link", { name: "Tile them" }).click();
  await eventually("both are tiled", async () => (await page.locator(".tile .log").getByText("You said: race").count()) === 2);
  clean(page);
  await w.close();
}

export async function a_comment_on_a_line_is_the_next_message(chromium) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "Make the failing date parser test pass.", { mode: "auto", unsandboxed: true });
  await page.locator(".log").getByText("forgot the century rule").waitFor();
  await w.until(id, "done");
  await page.goto(`${w.origin}/s/${id}/diff`);
  await button(page, "comment on new line 5").click();
  await page.getByLabel("Comment on line 5").fill("say it in one line");
  await page.keyboard.press("Control+Enter");
  await button(page, "Preview").click();
  await page.locator("dialog[open]", { hasText: "> /// only those divisible by 400." }).waitFor();
  await page.locator("dialog[open]").getByRole("button", { name: "Close" }).click();
  await button(page, "Send as next message").click();
  await eventually("it is said", () => w.log(id).filter((e) => e.type === "user.message").length === 2);
  const said = w.log(id).findLast((e) => e.type === "user.message").data.text;
  assert.match(said, /^src\/calendar\.rs:5 \(tree [0-9a-f]{7}\)\n> \/\/\/ only those divisible by 400\.\nsay it in one line$/);
  await page.getByText("next message").waitFor({ state: "detached" });
  clean(page);
  await w.close();
}

export async function work_lands_and_worktrees_go(chromium, shot) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "Make the failing date parser test pass.", { mode: "auto", unsandboxed: true });
  await page.locator(".log").getByText("forgot the century rule").waitFor();
  await w.until(id, "done");
  await page.goto(`${w.origin}/worktrees`);
  await page.getByRole("link", { name: "Land…" }).click();
  await button(page, /^Land$/).click();
  await eventually("it is on main", async () => (await w.git("show", "main:src/calendar.rs")).stdout.includes("of the centuries"));
  await page.goto(`${w.origin}/worktrees`);
  await page.locator("td", { hasText: "landed" }).waitFor();
  await shot(page, "worktrees");
  await button(page, /^What would prune take/).click();
  await page.locator(".ban pre").waitFor();
  assert.equal((await w.api("GET", "/worktrees")).worktrees.length, 1, "asking takes nothing");
  await button(page, "Remove").click();
  await page.getByText("No worktrees.").waitFor();
  clean(page);
  await w.close();
}

export async function a_terminal_goes_on_where_it_was_left(chromium, shot) {
  const w = await daybook({ flags: ["--terminal"] });
  const page = await open(chromium, w.link);
  const id = await at(w, page, "hello");
  await page.locator(".log").getByText("You said: hello").waitFor();
  const rows = () => page.locator(".xterm-rows").innerText();
  await button(page, /^Terminal/).click();
  await page.locator(".term").getByText("your own shell, with your own rights").waitFor();
  await page.locator(".xterm-helper-textarea").waitFor({ state: "attached" });
  await page.locator(".xterm").click();
  await page.keyboard.type("MARK=kept; git branch --show-current; echo six times seven is $((6*7))\n");
  await eventually("it has run", async () => (await rows()).includes("six times seven is 42"));
  assert.match(await rows(), /ace\//);
  await shot(page, "terminal");
  // The page goes, the shell stays.
  await page.reload();
  await page.locator(".log").getByText("You said: hello").waitFor();
  await button(page, /^Terminal/).click();
  await eventually("what was there is there", async () => (await rows()).includes("six times seven is 42"));
  await page.locator(".xterm").click();
  await page.keyboard.type("echo it is $MARK\n");
  await eventually("it is the same shell", async () => (await rows()).includes("it is kept"));
  await page.getByRole("button", { name: "End", exact: true }).click();
  await eventually("it has ended", async () => (await w.api("GET", `/sessions/${id}/terminals`)).terminals.every((t) => t.ended !== null));
  clean(page);
  await w.close();
}

export async function b29_a_link_is_made_and_taken_back_here(chromium, shot) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "hello");
  await page.locator(".log").getByText("You said: hello").waitFor();
  await button(page, "Share").click();
  await button(page, "Make a link").click();
  const link = await page.getByLabel("The link").inputValue();
  assert.match(link, new RegExp(`^${w.origin}/.*#share=share_`));
  await shot(page, "share");
  const guest = await open(chromium, link);
  await guest.goto(`${w.origin}/s/${id}`);
  await guest.getByText("Read only: this link was shared with you.").waitFor();
  await guest.locator(".status .live").waitFor();
  await button(page, "revoke").click();
  const began = Date.now();
  await guest.locator(".ban", { hasText: /access has ended|no longer valid/ }).waitFor();
  console.log(`# a link that is taken back ends its views after ${Date.now() - began} ms`);
  await page.getByText("The link", { exact: true }).or(page.getByRole("dialog")).first().waitFor();
  assert.deepEqual((await w.api("GET", `/shares?session=${id}`)).shares, []);
  clean(page);
  await w.close();
}

export async function a_terminal_and_a_browser_answer_each_other(chromium) {
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await at(w, page, "it touches files");
  // A terminal looks on, and answers first.
  const watching = spawn(join(PROGRAMS, "ace-log"), ["follow", id, "--until", "turn"], { cwd: w.project, env: w.env, stdio: ["ignore", "pipe", "inherit"] });
  let seen = "";
  watching.stdout.on("data", (part) => (seen += part));
  const ended = new Promise((done) => watching.once("exit", done));
  await card(page, "touch one.txt");
  const asked = w.log(id).find((e) => e.type === "permission.requested");
  await w.command("ace-permit", ["allow", id, `@${asked.seq}`]);
  // Who answers in a terminal goes on there.
  const running = w.command("ace-session", ["run", id]).catch(() => {});
  await card(page, "touch two.txt");
  assert.equal(await page.locator(".card.ask").count(), 1, "what is answered is asked no more");
  await page.keyboard.press("y");
  await card(page, "touch three.txt");
  await page.keyboard.press("y");
  await page.locator(".log").getByText("That is all.").waitFor();
  await Promise.all([ended, running]);
  const scopes = seen.trim().split("\n").map((line) => JSON.parse(line)).filter((e) => e.type === "permission.resolved").length;
  assert.deepEqual([scopes, seen.includes("That is all.")], [3, true], "the terminal has seen all of it");
  // What the browser says, the terminal reads; and the other way round.
  await w.command("ace-session", ["say", id, "from the terminal"]);
  await w.command("ace-session", ["run", id]);
  await page.locator(".log").getByText("You said: from the terminal").waitFor();
  await page.getByLabel("Message to the model").fill("from the browser");
  await page.keyboard.press("Enter");
  await page.locator(".log").getByText("You said: from the browser").waitFor();
  await w.until(id, "done");
  assert.match((await w.command("ace-log", ["text", id])).stdout, /You said: from the browser/);
  clean(page);
  await w.close();
}

export async function scenarios_are_run_and_their_runs_opened(chromium, shot) {
  const w = await daybook();
  const ours = fileURLToPath(new URL("../../../../fixtures/scenarios/edit", import.meta.url));
  for (const name of ["good", "wrong"]) cpSync(ours, join(w.project, "scenarios", name), { recursive: true });
  const file = join(w.project, "scenarios/wrong/scenario.toml");
  writeFileSync(file, readFileSync(file, "utf8").replace('says = ["adds up"]', 'says = ["multiplies"]'));
  const page = await open(chromium, w.link);
  await page.goto(`${w.origin}/scenarios`);
  const row = (name) => page.getByRole("row", { name: new RegExp(`^${name} `) });
  await row("good").getByRole("cell", { name: "never" }).waitFor();
  await row("good").getByRole("button", { name: "Run" }).click();
  const card = page.locator("section.card");
  await card.getByText("✓ passed").waitFor();
  assert.equal(await card.locator("li .ok").count(), await card.locator("li").count(), "all of it came so");
  await row("wrong").getByRole("button", { name: "Run" }).click();
  await card.getByText("✗ failed").waitFor();
  assert.match(await card.locator("li", { has: page.locator(".no") }).innerText(), /the answer says 'multiplies'.*does not say 'multiplies'/s);
  await row("wrong").getByText("✗ failed").waitFor();
  await row("good").getByText("✓ passed").waitFor();
  await shot(page, "scenarios");
  await card.getByRole("link", { name: "open the run" }).click();
  await page.locator(".log").getByText("It adds up now.").waitFor();
  await page.locator(".log").getByText("sum.awk").first().waitFor();
  // Once more takes the place of the one before.
  await page.goto(`${w.origin}/scenarios`);
  await row("good").getByRole("button", { name: "Run" }).click();
  await card.getByText("✓ passed").waitFor();
  await card.getByRole("link", { name: "open the run" }).waitFor();
  assert.equal((await w.api("GET", "/sessions")).total, 2);
  clean(page);
  await w.close();
}

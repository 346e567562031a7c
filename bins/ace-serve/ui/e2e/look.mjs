// Looking: what a browser shows of sessions that were begun elsewhere.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { CALENDAR, EVIL, PRICES, script } from "./story.mjs";
import { eventually, open, PROGRAMS, world } from "./world.mjs";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const daybook = (more = {}) => world({ files: { "src/calendar.rs": CALENDAR, "AGENTS.md": "Be brief.\n" }, script, config: PRICES, ...more });

/** A session of the terminal; `wait` for its end. */
async function begin(w, prompt, mode = "auto", wait = true) {
  const id = (await w.command("ace-session", ["new", "--mode", mode, prompt])).stdout.trim();
  const running = run(w, id);
  if (wait) await running;
  return id;
}

/** Runs what is due, as a terminal would. Sandboxes are not what is tested here. */
function run(w, id) {
  const child = spawn(join(PROGRAMS, "ace-session"), ["run", id], { cwd: w.project, env: w.env, stdio: "ignore" });
  return new Promise((done) => child.once("exit", done));
}

const margin = (page) => page.locator(".log .n").allTextContents();
const clean = (page) => assert.deepEqual(page.faults, []);

export async function a_session_of_a_terminal_is_seen_live_by_two_browsers(chromium) {
  const w = await daybook();
  const [one, two] = [await open(chromium, w.link), await open(chromium, w.link)];
  await one.getByText("No sessions yet").waitFor();
  assert.equal(new URL(one.url()).hash, "", "the token is out of the address");
  const id = await begin(w, "be slow please", "ask", false);
  for (const page of [one, two]) {
    await page.locator(".sess li a").click();
    await page.locator(".log .cur").waitFor();
    await page.locator(".log").getByText(/word\d+ /).waitFor();
    assert.equal(await page.locator(".ev:has(.cur) > a.n").count(), 0, "a draft has no number");
  }
  w.release();
  await w.until(id, "done");
  for (const page of [one, two]) {
    await page.locator(".bar .tag", { hasText: "done" }).waitFor();
    assert.equal(await page.locator(".log .cur").count(), 0);
    assert.match(await page.locator(".log").innerText(), /word0 word1 .* and that is the end\./);
    clean(page);
  }
  await w.close();
}

export async function b15_p56_p57_what_the_log_says_is_never_markup(chromium) {
  const w = await daybook();
  const id = await begin(w, "be evil <img src=x onerror=window.pwned=1>");
  const page = await open(chromium, w.link);
  page.on("dialog", () => page.faults.push("a dialog"));
  page.on("request", (r) => !/^(blob:|data:)/.test(r.url()) && !r.url().startsWith(w.origin) && page.faults.push(`asked elsewhere: ${r.url()}`));
  for (const view of ["", "/timeline", "/diff"]) {
    await page.goto(`${w.origin}/s/${id}${view}`);
    await page.locator(view === "" ? ".log .ev" : view === "/timeline" ? ".tl-r" : ".review").first().waitFor();
    if (view === "") for (const call of await page.locator(".call > .line[aria-expanded=false]").all()) await call.click();
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    assert.equal(await page.locator("main script, main iframe, main svg[onload], main img[onerror], main b[onclick], main a[href^='javascript']").count(), 0);
  }
  await page.goto(`${w.origin}/s/${id}`);
  const said = page.locator(".log");
  await said.getByText("‹U+202E›evil").waitFor();
  assert.match(await said.innerText(), /<script>window\.pwned=1<\/script>/);
  assert.ok(!/[\u202E\u200B\u001b]/.test(await said.innerText()), "no character works");
  assert.ok(EVIL.length > 0);
  clean(page);
  await w.close();
}

export async function the_past_is_shown_as_it_was(chromium, shot) {
  const w = await daybook();
  const id = await begin(w, "Make the failing date parser test pass.");
  const page = await open(chromium, w.link);
  await page.goto(`${w.origin}/s/${id}/timeline`);
  await page.locator(".tl-r").first().waitFor();
  const edit = w.log(id).find((e) => e.type === "tool.completed" && e.data.changed)?.seq ?? w.log(id).length;
  await page.goto(`${w.origin}/s/${id}?seq=${edit - 1}`);
  await page.getByRole("slider", { name: "moment" }).waitFor();
  await page.locator(".log .ev").first().waitFor();
  const before = await page.locator(".log").innerText();
  assert.ok(!before.includes("forgot the century rule"));
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await eventually("the address follows", async () => page.url().includes(`seq=${edit + 2}`));
  assert.match(await page.getByRole("slider").getAttribute("aria-valuetext"), new RegExp(`^seq ${edit + 2}, `));
  await page.keyboard.press("Escape");
  await page.getByText("forgot the century rule").waitFor();
  await page.goto(`${w.origin}/s/${id}/timeline?seq=${edit}`);
  await page.locator(`#row-${edit}[aria-selected=true]`).waitFor();
  await page.locator(".json", { hasText: "tool.completed" }).waitFor();
  await shot(page, "timeline-dark");
  await page.getByRole("button", { name: "decisions" }).click();
  await eventually("only decisions", async () => (await page.locator(".tl-r").allInnerTexts()).every((t) => t.includes("permission.")));
  clean(page);
  await w.close();
}

export async function a_view_comes_to_life_when_the_link_is_opened_anywhere(chromium) {
  const w = await daybook();
  const id = await begin(w, "hello");
  // Nobody yet: it says so, and does not say it for ever.
  const page = await open(chromium, `${w.origin}/s/${id}/timeline`);
  await page.locator(".ban", { hasText: "open the one that" }).waitFor();
  assert.equal(await page.locator(".tl-r").count(), 0);
  const other = await page.context().newPage();
  await other.goto(w.link);
  // Loopback in clear counts as safe: the browser takes the cookie that no other page and no name can set.
  const host = `__Host-ace-${new URL(w.origin).port}`;
  const cookie = await eventually("the cookie is there", async () => (await page.context().cookies()).find(({ name }) => name === host));
  assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path], [true, true, "Strict", "/"]);
  await page.locator(".tl-r").first().waitFor();
  await page.locator(".status .live").waitFor();
  await page.getByText("chain verified").first().waitFor();
  assert.equal(await page.locator(".ban").count(), 0);
  // A page that is left while its login is under way.
  const hasty = await (await chromium.newContext()).newPage();
  const asked = hasty.waitForRequest((r) => r.url().endsWith("/login"));
  await hasty.goto(w.link, { waitUntil: "commit" });
  await asked;
  await hasty.goto(`${w.origin}/s/${id}/timeline`);
  await hasty.locator(".tl-r").first().waitFor();
  clean(page);
  await w.close();
}

/** Adds records to a log, each with the hash of the one before, as many other writers would have. */
function lengthen(w, id, count) {
  const file = join(w.env.ACE_HOME, "sessions", id, "log.jsonl");
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  let last = lines.at(-1);
  let seq = JSON.parse(last).seq;
  let out = "";
  const add = (type, id, cause, by, data) => {
    const prev = createHash("sha256").update(last).digest("hex");
    const ts = new Date(Date.UTC(2026, 10, 20, 7) + seq * 40).toISOString();
    last = JSON.stringify({ seq: ++seq, ts, prev, pen: 9, v: 1, id, session: JSON.parse(lines[0]).session, turn: 1, cause, by, type, data });
    out += `${last}\n`;
  };
  for (let n = 0; n < count; n += 4) {
    add("model.requested", `zr${n}`, `zc${n}`, "ace-model", {});
    add("model.tool_call_requested", `zt${n}`, `zr${n}`, "ace-model", { tool: "read", args: { path: `src/file${n}.rs` } });
    add("model.completed", `zm${n}`, `zr${n}`, "ace-model", { parts: [{ text: `Step ${n}.` }], calls: 1, stop: "tools", usage: { input: 40, output: 10 }, ms: 3 });
    add("tool.failed", `zf${n}`, `zt${n}`, "ace-tool", { code: "not_found", message: "no such file" });
  }
  appendFileSync(file, out);
  return seq;
}

export async function f24_a_long_session_opens_at_once_and_scrubs_anywhere(chromium, shot) {
  const count = Number(process.env.ACE_UI_EVENTS ?? 12_000);
  const w = await daybook();
  const id = await begin(w, "hello");
  await w.stop();
  const head = lengthen(w, id, count);
  await w.serve();
  await w.api("GET", `/sessions/${id}`);
  const page = await open(chromium, w.link);
  await page.locator(".sess li a").waitFor();
  const began = Date.now();
  await page.goto(`${w.origin}/s/${id}`);
  await page.locator(".log .ev").first().waitFor();
  console.log(`# ${head} events: first rows after ${Date.now() - began} ms`);
  const timeline = Date.now();
  await page.goto(`${w.origin}/s/${id}/timeline`);
  await page.locator(`#row-${head}`).waitFor();
  console.log(`# timeline after ${Date.now() - timeline} ms`);
  const slider = page.getByRole("slider", { name: "moment" });
  const box = await slider.boundingBox();
  const times = [];
  for (const share of [0.1, 0.9, 0.5, 0.02, 0.7]) {
    const from = await slider.getAttribute("aria-valuenow");
    const at = Date.now();
    await page.mouse.click(box.x + box.width * share, box.y + 20);
    await eventually("the moment moves", async () => (await slider.getAttribute("aria-valuenow")) !== from);
    await page.locator(".tl-r[aria-selected=true]").waitFor();
    times.push(Date.now() - at);
  }
  console.log(`# scrub: ${times.join(", ")} ms`);
  assert.ok((await page.locator(".tl-r").count()) < 200, "rows are virtual");
  await shot(page, "timeline-long");
  // What is far from the end is loaded when it is looked at.
  await page.goto(`${w.origin}/s/${id}?seq=${Math.floor(head / 3)}`);
  await page.getByText(/Step \d+\./).first().waitFor();
  clean(page);
  await w.close();
}

export async function a_killed_server_costs_a_viewer_nothing(chromium) {
  const times = Number(process.env.ACE_UI_KILLS ?? 4);
  const w = await daybook();
  const page = await open(chromium, w.link);
  const id = await begin(w, "hello");
  await page.goto(`${w.origin}/s/${id}`);
  await page.locator(".log .ev").first().waitFor();
  for (let n = 0; n < times; n++) {
    await w.stop("SIGKILL");
    await w.command("ace-session", ["say", id, `message ${n} of the terminal`]);
    if (n === 0) await page.locator(".ban", { hasText: "The session runs on" }).waitFor();
    await w.serve();
    await run(w, id);
    await page.locator(".log").getByText(`You said: message ${n} of the terminal`).waitFor({ timeout: 60_000 });
  }
  await page.locator(".status .live").waitFor();
  const numbers = (await margin(page)).filter(Boolean).map(Number);
  assert.equal(new Set(numbers).size, numbers.length, "nothing twice");
  for (let n = 0; n < times; n++) assert.equal(await page.locator(".log").getByText(`You said: message ${n} of the terminal`).count(), 1);
  assert.deepEqual(page.faults.filter((f) => !f.includes("WebSocket")), []);
  await w.close();
}

export async function b29_a_shared_link_reads_one_session_and_ends(chromium, shot) {
  const w = await daybook();
  const [id, other] = [await begin(w, "Make the failing date parser test pass."), await begin(w, "another")];
  const share = await w.api("POST", `/sessions/${id}/shares`, { expires_in: 3600 });
  const page = await open(chromium, share.url);
  await page.goto(`${w.origin}/s/${id}`);
  await page.getByText("Read only: this link was shared with you.").waitFor();
  await page.getByText("forgot the century rule").waitFor();
  assert.equal(await page.getByRole("button", { name: /^(Queue|Send|Fork|Rewind|Terminal)/ }).count(), 0);
  await shot(page, "shared");
  await page.goto(`${w.origin}/s/${other}`);
  await page.locator(".ban", { hasText: "not there" }).waitFor();
  await page.goto(`${w.origin}/s/${id}`);
  await page.locator(".status .live").waitFor();
  await w.api("DELETE", `/shares/${share.share}`);
  await page.locator(".ban", { hasText: /access has ended|no longer valid/ }).waitFor();
  await w.close();
}

/** Visits views, keeps their pictures, and gives what axe finds serious in them. */
async function inspect(chromium, shot, name, options, views) {
  const w = await daybook();
  const id = await begin(w, "Make the failing date parser test pass.");
  const page = await open(chromium, w.link, { bypassCSP: true, ...options });
  const found = [];
  const examine = async (view, within) => {
    await shot(page, `${view}-${name}`);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate((part) => globalThis.axe.run(part ? document.querySelector(part) : document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"] }), within);
    for (const v of violations) if (["serious", "critical"].includes(v.impact)) found.push(`${view}, ${name}: ${v.id} ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary?.split("\n")[1] ?? ""}`).join(" | ")}`);
  };
  for (const [view, path, ready, key] of views(id)) {
    await page.goto(`${w.origin}${path}`);
    await page.locator(ready).first().waitFor();
    if (key) {
      await page.keyboard.press(key);
      await page.locator("dialog[open]").waitFor();
    }
    await page.waitForTimeout(300);
    await examine(view, key ? "dialog[open]" : undefined);
  }
  assert.deepEqual(found, []);
  await page.context().close();
  await w.close();
}

const LOG = ".log .ev";

export const nothing_serious_for_axe_in_the_dark = (chromium, shot) => inspect(chromium, shot, "dark", { colorScheme: "dark" }, (id) => [
  ["home", "/", ".sess li"], ["work", `/s/${id}`, LOG], ["timeline", `/s/${id}/timeline`, ".tl-r"], ["replay", `/s/${id}?seq=12`, LOG], ["diff", `/s/${id}/diff`, ".review"],
  ["files", `/s/${id}/files`, ".filesview"], ["palette", `/s/${id}`, LOG, "Control+k"], ["new", `/s/${id}`, LOG, "n"], ["keys", `/s/${id}`, LOG, "?"],
]);

export const nothing_serious_for_axe_in_the_light = (chromium, shot) => inspect(chromium, shot, "light", { colorScheme: "light" }, (id) => [
  ["work", `/s/${id}`, LOG], ["timeline", `/s/${id}/timeline`, ".tl-r"], ["diff", `/s/${id}/diff`, ".review"], ["usage", "/usage", ".bar"], ["compare", `/compare?s=${id}`, ".cmp"], ["manage", "/manage/people", ".bar"],
  ["worktrees", "/worktrees", ".bar"], ["config", "/config", ".bar"], ["scenarios", "/scenarios", ".bar"],
]);

export const nothing_serious_for_axe_on_a_phone = (chromium, shot) => inspect(chromium, shot, "phone", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, (id) => [
  ["home", "/", ".sess li"], ["work", `/s/${id}`, LOG], ["timeline", `/s/${id}/timeline`, ".tl-r"],
]);

export async function the_keyboard_reaches_everything(chromium) {
  const w = await daybook();
  const id = await begin(w, "Make the failing date parser test pass.");
  const page = await open(chromium, w.link);
  await page.goto(`${w.origin}/s/${id}`);
  await page.locator(".log .ev").first().waitFor();
  await page.keyboard.press("2");
  await page.locator(".tl-r").first().waitFor();
  await page.keyboard.press("1");
  await page.locator(".log .ev").first().waitFor();
  await page.keyboard.press("j");
  await page.locator(".call.sel").waitFor();
  const open1 = await page.locator(".call.sel > .line").getAttribute("aria-expanded");
  await page.keyboard.press("o");
  await eventually("it folds", async () => (await page.locator(".call.sel > .line").getAttribute("aria-expanded")) !== open1);
  await page.keyboard.press("Control+k");
  await page.locator(".pal input").fill("#3");
  await page.keyboard.press("Enter");
  await eventually("the record", async () => page.url().includes("timeline?seq=3"));
  await page.keyboard.press("/");
  await page.keyboard.type("by:ace-tool t");
  await eventually("letters are words in a field", async () => (await page.evaluate(() => document.documentElement.dataset.theme)) === "dark");
  await page.keyboard.press("Escape");
  await page.keyboard.press("t");
  await eventually("light", async () => (await page.evaluate(() => document.documentElement.dataset.theme)) === "light");
  clean(page);
  await w.close();
}

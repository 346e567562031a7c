// An empty world for one test: a home, a repository, a scripted model, the real programs and the real server, and a browser.
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { model } from "./model.mjs";

const run = promisify(execFile);
export const PROGRAMS = process.env.ACE_PROGRAMS ?? fileURLToPath(new URL("../../../../target/debug", import.meta.url));

/** The browser of the system, or nothing. */
export const BROWSER = [process.env.ACE_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));

/** How long anything may take on the slowest machine, ms. */
const SLOW = Number(process.env.ACE_UI_PATIENCE ?? 180_000);

/** Waits until something holds, as slow as the machine may be. */
export async function eventually(what, holds, most = SLOW) {
  const end = Date.now() + most;
  for (;;) {
    const found = await holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** A world. `files` stand in the first commit; `script` is the model's. */
export async function world({ files = {}, script, flags = [], config = "" }) {
  const root = await mkdtemp(join(tmpdir(), "ace-ui-"));
  const project = join(root, "daybook");
  for (const [name, text] of Object.entries({ "README.md": "# daybook\n", ...files })) {
    await mkdir(dirname(join(project, name)), { recursive: true });
    await writeFile(join(project, name), text);
  }
  for (const name of ["home", "ace"]) await mkdir(join(root, name));
  const scripted = await model(script);
  const settings = join(root, "config.toml");
  await writeFile(settings, `model = "test/scripted"\n[providers.test]\nwire = "openai-chat"\nbase_url = "${scripted.url}"\napi_key_env = "TEST_KEY"\n${config}`);
  const env = {
    PATH: `${PROGRAMS}:${process.env.PATH}`, HOME: join(root, "home"), USER: "mira", LANG: "C.UTF-8", SHELL: "/bin/bash", ACE_HOME: join(root, "ace"), ACE_CONFIG: settings,
    TEST_KEY: "sk-test-0123456789", OLLAMA_HOST: "127.0.0.1:1", TERM: "xterm-256color",
  };
  const command = (program, args, options = {}) => {
    const running = run(program === "git" ? program : join(PROGRAMS, program), args, { cwd: project, env, ...options });
    // A program whose input stays open waits for it.
    running.child.stdin.end();
    return running;
  };
  const git = (...args) => command("git", args);
  await git("init", "-q", "-b", "main");
  await git("config", "user.name", "Mira");
  await git("config", "user.email", "mira@example.org");
  await git("add", "-A");
  await git("commit", "-q", "-m", "first");

  let serving;
  let link = "";
  /** Starts the server; the same address when it is started again. */
  const serve = async () => {
    const listen = link ? new URL(link).host : "127.0.0.1:0";
    serving = spawn(join(PROGRAMS, "ace-serve"), ["--listen", listen, ...flags], { cwd: project, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    serving.stderr.on("data", (part) => (said += part));
    link = await new Promise((done, fail) => {
      let out = "";
      serving.stdout.on("data", (part) => {
        out += part;
        const found = /http:\/\/\S+/.exec(out);
        if (found) done(found[0]);
      });
      serving.on("exit", (code) => fail(new Error(`ace-serve ended with ${code}: ${said}`)));
    });
    return link;
  };
  const stop = async (signal = "SIGTERM") => {
    if (!serving || serving.exitCode !== null || serving.signalCode !== null) return;
    serving.removeAllListeners("exit");
    const gone = new Promise((done) => serving.once("exit", done));
    serving.kill(signal);
    await gone;
  };
  await serve();
  const token = new URL(link).hash.replace("#token=", "");
  const api = async (method, path, body) => {
    const answer = await fetch(`${new URL(link).origin}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) }, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return {
    root, project, env, api, command, serve, stop, git, release: scripted.release,
    get link() { return link; },
    get origin() { return new URL(link).origin; },
    /** The records of a session. */
    log: (id) => readFileSync(join(root, "ace", "sessions", id, "log.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line)),
    /** Begins a session and gives its id. */
    begin: async (prompt, more = {}) => (await api("POST", "/sessions", { prompt, repository: project, ...more })).sessions[0],
    /** Waits until a session stands as said. */
    until: (id, state, most) => eventually(`${id} is ${state}`, async () => (await api("GET", `/sessions/${id}`)).state === state, most),
    close: async () => {
      for (const s of (await api("GET", "/sessions").catch(() => ({ sessions: [] }))).sessions) if (s.running) await api("POST", `/sessions/${s.id}/cancel`).catch(() => {});
      await stop();
      scripted.close();
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A browser that reaches nothing but this machine. */
export async function browser() {
  return await chromium.launch({
    executablePath: BROWSER, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page that fails on what a page must never do: errors, and breaches of its policy. */
export async function open(of, address, options = {}) {
  const context = await of.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", ...options });
  const page = await context.newPage();
  // A slow machine fails nothing.
  page.setDefaultTimeout(SLOW);
  page.faults = [];
  page.on("pageerror", (e) => page.faults.push(`error: ${e.message}`));
  page.on("console", (m) => {
    const text = m.text();
    if (/Content.Security.Policy|TrustedTypes|Refused to/i.test(text)) page.faults.push(`policy: ${text}`);
  });
  await page.goto(address);
  // Who goes on before the link is exchanged for a cookie is nobody yet.
  if (address.includes("#")) await page.locator(".frame, .empty").first().waitFor();
  return page;
}

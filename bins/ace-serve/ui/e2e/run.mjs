// Runs the cases in a real browser against the real server: `node e2e/run.mjs`, or with names of some. Ends with 1 if one fails.
import { mkdirSync } from "node:fs";
import { BROWSER, browser } from "./world.mjs";
import * as acts from "./acts.mjs";
import * as look from "./look.mjs";

const cases = { ...look, ...acts };
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in cases));
if (!BROWSER || unknown.length > 0) {
  console.error(BROWSER ? `no such case: ${unknown.join(", ")}` : "no chromium");
  process.exit(2);
}
export const SHOTS = process.env.ACE_SHOTS ?? "/tmp/ace-ui-shots";
mkdirSync(SHOTS, { recursive: true });

let failed = 0;
const chromium = await browser();
for (const [name, run] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const began = Date.now();
  try {
    await run(chromium, (page, shot) => page.screenshot({ path: `${SHOTS}/${shot}.png` }));
    console.log(`ok ${name} (${Date.now() - began} ms)`);
  } catch (e) {
    failed++;
    console.log(`not ok ${name}: ${e?.stack ?? e}`);
  }
}
await chromium.close();
process.exit(failed > 0 ? 1 : 0);

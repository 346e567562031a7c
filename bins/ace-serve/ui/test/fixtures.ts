// The recorded sessions of the repository, as events.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Event } from "../src/events/types";

const folder = fileURLToPath(new URL("../../../../fixtures/sessions/", import.meta.url));

/** The names of all of them. */
export const names = readdirSync(folder).filter((name) => /^[\w-]+\.jsonl$/.test(name)).map((name) => name.replace(".jsonl", ""));

/** The lines of one. */
export function session(name: string): Event[] {
  return readFileSync(`${folder}${name}.jsonl`, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Event);
}

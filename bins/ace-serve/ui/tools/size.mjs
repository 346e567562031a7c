// What a reader loads before the terminal and the charts, gzipped: fails above the mark.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const MARK = 350 * 1024;
const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const later = /^(terminal|shell|chart)-/;
let first = 0;
for (const name of ["../index.html", ...readdirSync(`${dist}assets`)]) {
  const bytes = gzipSync(readFileSync(`${dist}assets/${name}`)).length;
  const waits = later.test(name);
  if (!waits) first += bytes;
  console.log(`${String(Math.ceil(bytes / 1024)).padStart(5)} KiB  ${waits ? "on demand  " : "           "}${name}`);
}
console.log(`${String(Math.ceil(first / 1024)).padStart(5)} KiB  all but what is loaded on demand; the mark is ${MARK / 1024} KiB`);
process.exit(first > MARK ? 1 : 0);

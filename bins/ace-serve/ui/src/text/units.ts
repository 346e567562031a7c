// Numbers with their units, as the whole interface writes them.

/** Micro-dollars as dollars: three decimals below ten dollars, else two. `null` has no price. */
export function money(micro: number | null | undefined, places?: number): string {
  if (micro === null || micro === undefined) return "no price";
  const dollars = micro / 1e6;
  return `$${dollars.toFixed(places ?? (dollars < 10 ? 3 : 2))}`;
}

/** `10.1k`, `2.4M`. */
export function count(n: number): string {
  if (n < 1000) return String(n);
  if (n < 999_950) return `${(n / 1000).toFixed(n < 99_950 ? 1 : 0)}k`;
  return `${(n / 1e6).toFixed(1)}M`;
}

/** Milliseconds: `3 ms`, `6.4 s`, `2:07`, `1:02:07`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  return clockwork(ms);
}

/** Milliseconds as minutes and seconds: `0:42`. */
export function clockwork(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

/** `412 B`, `3.2 KB`. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1000).toFixed(1)} KB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(1)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** The time of day of a record, to the second or the millisecond. */
export function time(ts: string, fine = false): string {
  const at = new Date(ts);
  if (Number.isNaN(at.getTime())) return "";
  const two = (n: number, w = 2) => String(n).padStart(w, "0");
  const base = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return fine ? `${base}.${two(at.getMilliseconds(), 3)}` : base;
}

/** Relative under an hour, the clock today, the date before. */
export function when(ts: string, now: number): string {
  const at = new Date(ts);
  const ms = now - at.getTime();
  if (Number.isNaN(ms)) return "";
  if (ms < 60_000) return "now";
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (new Date(now).toDateString() === at.toDateString()) return time(ts).slice(0, 5);
  return `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;
}

/** `1 file`, `3 files`. */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${n.toLocaleString("en").replaceAll(",", "\u2009")} ${n === 1 ? one : more}`;
}

/** The last part of a path. */
export function base(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? path;
}

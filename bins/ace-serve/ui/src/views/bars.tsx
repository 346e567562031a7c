// One bar for each request to a model: what came from the cache below, what was new above.
import type { Request } from "../model/items";
import { count } from "../text/units";

const MOST = 40;
const H = 48;

/** The bars, and their finding in words. */
export function Bars({ requests }: { requests: Request[] }) {
  const shown = requests.slice(-MOST);
  const sum = (r: Request) => (r.usage.input ?? 0) + (r.usage.cache_read ?? 0) + (r.usage.cache_write ?? 0);
  const top = Math.max(1, ...shown.map(sum));
  const step = Math.min(34, 310 / Math.max(9, shown.length));
  const first = shown[0];
  const last = shown.at(-1);
  const say = `Input tokens per request, cached and new: ${shown.length} requests, from ${count(first ? sum(first) : 0)} to ${count(last ? sum(last) : 0)}`;
  return (
    <svg viewBox="0 0 340 74" width="100%" style={{ marginTop: 10 }} role="img" aria-label={say}>
      <line className="ax" x1="26" x2="340" y1="60.5" y2="60.5" />
      <text x="0" y="18">{count(top)}</text><text x="0" y="63">0</text>
      {shown.map((r, i) => {
        const cached = (H * (r.usage.cache_read ?? 0)) / top;
        const fresh = (H * (sum(r) - (r.usage.cache_read ?? 0))) / top;
        const x = 30 + i * step;
        return (
          <g key={r.seq}>
            <rect x={x} y={60 - cached} width={step * 0.65} height={cached} fill="var(--h2)" />
            <rect x={x} y={60 - cached - fresh} width={step * 0.65} height={fresh} fill={r.failed ? "var(--fail)" : "var(--ink)"} />
            {step > 14 && <text x={x + step * 0.32} y="72" textAnchor="middle">{r.n}</text>}
          </g>
        );
      })}
    </svg>
  );
}

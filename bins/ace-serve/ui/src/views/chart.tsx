// The trend of cost by day, drawn by uPlot; loaded when somebody opens Usage.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { money } from "../text/units";
import type { Costs } from "../wire/api";
import { useLocal } from "./local";

const HIGH = 180;

/** The chart. */
export default function Trend({ days }: { days: Costs["days"] }) {
  const box = useRef<HTMLDivElement>(null);
  const { theme } = useLocal();
  useEffect(() => {
    const element = box.current;
    if (!element || days.length === 0) return;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const font = `10px ${colour("--mono")}`;
    const x = days.map((d) => Date.parse(`${d.day}T12:00:00`) / 1000);
    const y = days.map((d) => (d.cost === null ? null : d.cost / 1e6));
    const axis = { stroke: colour("--ink3"), font, grid: { stroke: colour("--rule"), width: 1 }, ticks: { show: false } };
    const bars = uPlot.paths.bars?.({ size: [0.6, 40] });
    const chart = new uPlot({
      width: element.clientWidth, height: HIGH, legend: { show: false }, cursor: { show: false },
      scales: { x: { time: true }, y: { range: (_, __, top) => [0, Math.max(0.01, top * 1.1)] } },
      axes: [{ ...axis, grid: { show: false }, values: (_, ticks) => ticks.map((t) => new Date(t * 1000).toISOString().slice(5, 10)) }, { ...axis, size: 52, values: (_, ticks) => ticks.map((t) => `$${t.toFixed(2)}`) }],
      series: [{}, { fill: colour("--h3"), stroke: colour("--h3"), width: 0, points: { show: false }, ...(bars && { paths: bars }) }],
    }, [x, y], element);
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HIGH }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.destroy();
    };
  }, [days, theme]);
  if (days.length === 0) return <p className="lbl">no work in this time</p>;
  const dearest = days.reduce((a, b) => ((b.cost ?? 0) > (a.cost ?? 0) ? b : a));
  return <div ref={box} role="img" aria-label={`cost by day; the dearest was ${dearest.day} with ${money(dearest.cost)}`} />;
}

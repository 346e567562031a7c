// The scrubber: a lane for each speaker on an axis whose long waits are cut, and the controls that play it.
import { useEffect, useMemo, useRef, useState } from "react";
import { axis, lanes, marker } from "../model/outline";
import { time } from "../text/units";
import type { SessionStore } from "../wire/session";
import { useKeys } from "./hooks";
import { useLocal } from "./local";
import { useRows } from "./outline";

const SPEEDS = [1, 4, 16, 0] as const;
/** Dragging moves the view at most so often, ms. */
const DRAG_MS = 50;
const EVENT_MS = 350;
const HEIGHT = 60;
const COLOURS = ["--person", "--model", "--tool", "--permit"];

function draw(canvas: HTMLCanvasElement, parts: ReturnType<typeof lanes>, cuts: number[], at: Float64Array, ratio: number) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  context.clearRect(0, 0, canvas.width, canvas.height);
  const high = (HEIGHT * ratio) / 4.6;
  for (const [lane, { ticks, bars }] of parts.entries()) {
    const y = (lane * HEIGHT * ratio) / 4.3 + 2 * ratio;
    const hue = colour(COLOURS[lane] ?? "--ink");
    for (let x = 0; x < bars.length; x++) {
      if (bars[x]) {
        context.globalAlpha = 0.55;
        context.fillStyle = hue;
        context.fillRect(x, y + high * 0.25, 1, high * 0.5);
        context.globalAlpha = 1;
      }
      if (ticks[x]) {
        context.fillStyle = ticks[x] === 2 ? colour("--fail") : hue;
        context.fillRect(x, y, Math.max(1, ratio), high);
      }
    }
  }
  context.strokeStyle = colour("--edge");
  context.lineWidth = ratio;
  for (const row of cuts.slice(0, 200)) {
    const x = (at[row] ?? 0) * canvas.width;
    context.beginPath();
    context.moveTo(x - 1 * ratio, canvas.height);
    context.lineTo(x + 3 * ratio, 0);
    context.stroke();
  }
}

/** The scrubber and its controls. `go(undefined)` leaves replay. */
export function Replay({ store, seq, go, links }: { store: SessionStore; seq: number; go: (seq: number | undefined) => void; links?: React.ReactNode }) {
  const { rows, length } = useRows(store);
  const { theme } = useLocal();
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<(typeof SPEEDS)[number]>(4);
  const [width, setWidth] = useState(0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const moved = useRef(0);
  const scale = useMemo(() => axis(rows), [rows, length]);
  const at = Math.max(0, Math.min(length - 1, seq - rows.first));
  const ratio = typeof devicePixelRatio === "number" ? Math.min(2, devicePixelRatio) : 1;

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const parts = useMemo(() => (width > 0 ? lanes(rows, scale.at, Math.round(width * ratio)) : []), [rows, length, scale, width, ratio]);
  useEffect(() => {
    if (canvas.current && parts.length > 0) draw(canvas.current, parts, scale.cuts, scale.at, ratio);
  }, [parts, scale, theme, ratio]);

  const to = (row: number) => go(rows.first + Math.max(0, Math.min(length - 1, row)));
  useEffect(() => {
    if (!playing) return;
    if (at >= length - 1) return setPlaying(false);
    const pause = Math.max(0, ((scale.at[at + 1] ?? 0) - (scale.at[at] ?? 0)) * scale.length);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setTimeout(() => to(at + 1), speed === 0 || still ? EVENT_MS : Math.min(2000, pause) / speed);
    return () => clearTimeout(timer);
  }, [playing, at, length, speed]);

  const pick = (x: number) => {
    const element = box.current;
    if (!element || Date.now() - moved.current < DRAG_MS) return;
    moved.current = Date.now();
    const share = (x - element.getBoundingClientRect().left) / Math.max(1, element.clientWidth);
    let [low, high] = [0, length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((scale.at[middle] ?? 0) < share) low = middle + 1;
      else high = middle;
    }
    to(low);
  };
  const step = (by: number) => {
    setPlaying(false);
    to(at + by);
  };
  const mark = (by: 1 | -1) => {
    const found = marker(rows, at, by);
    if (found !== undefined) to(found);
  };
  useKeys({
    " ": () => setPlaying(!playing), ArrowLeft: () => step(-1), ArrowRight: () => step(1), ",": () => mark(-1), ".": () => mark(1),
    Home: () => step(-length), End: () => step(length), Escape: () => go(undefined),
  });
  const label = `seq ${seq}, ${time(new Date(rows.ms[at] ?? 0).toISOString())}, ${rows.typeOf(at)}`;
  const left = `${(scale.at[at] ?? 0) * 100}%`;
  return (
    <section className="scrub" aria-label="Replay">
      <div className="play">
        <button type="button" aria-label="to the first record" onClick={() => step(-length)}>⇤</button>
        <button type="button" aria-label="one record back" onClick={() => step(-1)}>←</button>
        <button type="button" className="pri" aria-pressed={playing} onClick={() => { if (at >= length - 1) to(0); setPlaying(!playing); }}>{playing ? "‖ Pause" : "▸ Play"} <kbd className="wideonly">space</kbd></button>
        <button type="button" aria-label="one record on" onClick={() => step(1)}>→</button>
        <button type="button" aria-label="to now" onClick={() => go(undefined)}>⇥</button>
      </div>
      <div
        className="lanes" ref={box} role="slider" tabIndex={0} aria-label="moment" aria-valuemin={rows.first} aria-valuemax={rows.head} aria-valuenow={seq} aria-valuetext={label}
        onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); setPlaying(false); moved.current = 0; pick(e.clientX); }}
        onPointerMove={(e) => e.buttons > 0 && pick(e.clientX)}
        onPointerUp={(e) => { moved.current = 0; pick(e.clientX); }}
      >
        <canvas ref={canvas} width={Math.max(1, Math.round(width * ratio))} height={HEIGHT * ratio} aria-hidden="true" />
        <span className="head-mark" style={{ left }} aria-hidden="true" />
      </div>
      <div className="seg wideonly" role="group" aria-label="Speed">
        {SPEEDS.map((s) => <button type="button" key={s} aria-pressed={s === speed} onClick={() => setSpeed(s)}>{s === 0 ? "per event" : `${s}×`}</button>)}
      </div>
      <span className="lbl">{seq} of {store.head || rows.head}</span>
      <span className="lbl wideonly" style={{ display: "flex", justifyContent: "space-between" }}>
        <span>{rows.length > 0 && time(new Date(rows.ms[0] ?? 0).toISOString())}</span>
        <span><b className="you">person</b> · <b className="mdl">model</b> · <b className="tl">tool</b> · <b className="prm">permit</b>, top to bottom</span><span>{label.split(", ")[1]}</span>
      </span>
      <span className="lbl">{links ?? "waits longer than 2 s are cut to 2 s"}</span>
    </section>
  );
}

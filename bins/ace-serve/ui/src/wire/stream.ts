// One socket that goes on where it stopped: tickets, resume by record, back-off, and the server's own words about lost cursors.
// It must never know what the events mean.
import type { Event } from "../events/types";
import { BASE, type Card, post, Problem, query } from "./api";

/** How the connection stands. */
export type Link =
  | { state: "connecting" }
  | { state: "resuming"; from: number; head: number }
  | { state: "live" }
  /** `until`: when the next try begins, ms since 1970. */
  | { state: "down"; until: number; why: string }
  | { state: "lost"; resume: number; head: number; reason: string }
  | { state: "ended"; why: string };

/** One frame of the server. */
export type Frame =
  | { frame: "hello"; head: number; after: number }
  | { frame: "events"; events: Event[]; head: number }
  | { frame: "chalk"; events: Event[] }
  | { frame: "live"; head: number }
  | { frame: "lost"; reason: string; resume: number; head: number }
  | { frame: "cards"; cards: Card[]; removed?: string[]; complete: boolean }
  | { frame: "gone" | "pong" };

/** Whom a socket tells. */
export interface Listener {
  /** Where to go on: the last record, and its id so that another log is noticed. */
  cursor(): { after?: number; id?: string; tail?: number };
  frame(frame: Frame): void;
  link(link: Link): void;
  /** The cursor is of another log: what is there is to be thrown away. */
  forget(): void;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const PING = 25_000;

/** Keeps a socket to one session, or to the list, until closed. */
export class Stream {
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;
  #tries = 0;
  #closed = false;
  #head = 0;

  constructor(
    readonly path: string,
    readonly ticket: Record<string, unknown>,
    readonly to: Listener,
  ) {
    addEventListener("online", this.#now);
    document.addEventListener("visibilitychange", this.#seen);
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    removeEventListener("online", this.#now);
    document.removeEventListener("visibilitychange", this.#seen);
    clearTimeout(this.#timer);
    clearInterval(this.#ping);
    this.#socket?.close(1000);
  }

  /** Tries again at once. */
  retry(): void {
    clearTimeout(this.#timer);
    this.#tries = 0;
    if (!this.#socket) void this.#open();
  }

  #now = () => this.retry();
  #seen = () => {
    if (document.visibilityState === "visible" && !this.#socket && !this.#closed) this.retry();
  };

  async #open(): Promise<void> {
    if (this.#closed) return;
    this.to.link({ state: "connecting" });
    let ticket: string;
    try {
      ({ ticket } = await post<{ ticket: string }>("/tickets", this.ticket));
    } catch (e) {
      const code = e instanceof Problem ? e.code : "unreachable";
      if (code === "credentials") return this.to.link({ state: "ended", why: "this link is no longer valid: open the one that `ace serve` prints" });
      if (e instanceof Problem && e.status === 404) return this.to.link({ state: "ended", why: "this session is not there" });
      return this.#again("ace-serve does not answer");
    }
    if (this.#closed) return;
    const url = new URL(`${BASE}${this.path}${query({ ...this.to.cursor(), chalk: 1 })}`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["ace.v1", `ticket.${ticket}`]);
    this.#socket = socket;
    socket.onmessage = (message) => {
      if (typeof message.data === "string" && this.#socket === socket) this.#frame(JSON.parse(message.data) as Frame);
    };
    socket.onopen = () => {
      this.#ping = setInterval(() => socket.send('{"frame":"ping"}'), PING);
    };
    socket.onclose = ({ code }) => {
      clearInterval(this.#ping);
      if (this.#socket === socket) this.#socket = undefined;
      this.#gone(code);
    };
  }

  #frame(frame: Frame): void {
    if (frame.frame === "hello") {
      this.#head = frame.head ?? 0;
      if (this.#head > (frame.after ?? 0)) this.to.link({ state: "resuming", from: frame.after ?? 0, head: this.#head });
    }
    if (frame.frame === "live" || frame.frame === "cards") {
      this.#tries = 0;
      this.to.link({ state: "live" });
    }
    if (frame.frame === "lost") {
      if (frame.reason !== "slow") this.to.forget();
      this.to.link({ state: "lost", resume: frame.resume, head: frame.head, reason: frame.reason });
    }
    this.to.frame(frame);
  }

  #gone(code: number): void {
    if (this.#closed) return;
    if (code === 4404) return this.to.link({ state: "ended", why: "this session was removed" });
    if (code === 4403) return this.to.link({ state: "ended", why: "access has ended" });
    if (code === 4408 || code === 4409) return void (this.#timer = setTimeout(() => void this.#open(), FIRST_WAIT));
    this.#again(code === 1012 ? "ace-serve stopped" : "the connection is gone");
  }

  #again(why: string): void {
    if (this.#closed) return;
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++);
    this.to.link({ state: "down", until: Date.now() + wait, why });
    this.#timer = setTimeout(() => void this.#open(), wait);
  }
}

// A shell in the session's worktree, loaded when somebody opens it. It runs with the person's own rights, and says so.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { useEffect, useRef, useState } from "react";
import { plain } from "../text/plain";
import { BASE, get, post, Problem, remove } from "../wire/api";
import { set, useLocal } from "./local";

interface Open { terminal: string; ended?: number | null }

const make = document.createElement.bind(document);

/** Style elements are against the page's policy: what xterm would write into one goes into a sheet of the document instead. */
function styled(name: string, options?: ElementCreationOptions): HTMLElement {
  if (name.toLowerCase() !== "style") return make(name, options);
  const element = make("span");
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  let text = "";
  const write = (next: string) => {
    text = next;
    sheet.replaceSync(text);
  };
  Object.defineProperties(element, {
    textContent: { get: () => text, set: write }, sheet: { get: () => sheet },
    appendChild: { value: (node: Node) => (write(text + (node.textContent ?? "")), node) },
    remove: {
      value: () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
        Element.prototype.remove.call(element);
      },
    },
  });
  return element;
}
document.createElement = styled as typeof document.createElement;

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

/** The sixteen colours, from the roles of the theme. */
function theme(of: Element) {
  const style = getComputedStyle(of);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const roles = ["--ink3", "--fail", "--done", "--person", "--model", "--permit", "--tool", "--ink2"];
  const colours = Object.fromEntries(NAMES.flatMap((name, i) => {
    const value = colour(roles[i] ?? "--ink");
    return [[name, value], [`bright${name[0]?.toUpperCase()}${name.slice(1)}`, value]];
  }));
  return { ...colours, background: colour("--paper"), foreground: colour("--ink"), cursor: colour("--ink"), cursorAccent: colour("--paper"), selectionBackground: colour("--h1") };
}

/** Keeps one terminal connected; goes on at the byte where it stopped. */
function connect(term: Xterm, terminal: string, say: (words: string) => void): () => void {
  let offset = 0;
  let socket: WebSocket | undefined;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const encoder = new TextEncoder();
  const open = async () => {
    if (closed) return;
    try {
      const { ticket } = await post<{ ticket: string }>("/tickets", { terminal });
      const url = new URL(`${BASE}/terminals/${terminal}/stream?offset=${offset}`, location.href);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      socket = new WebSocket(url, ["ace.v1", `ticket.${ticket}`]);
    } catch (e) {
      say(e instanceof Problem ? e.detail : "the terminal is gone");
      return;
    }
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) {
        offset += data.byteLength;
        term.write(new Uint8Array(data));
        return;
      }
      const frame = JSON.parse(String(data)) as { frame: string; offset?: number; lost?: number; status?: number };
      if (frame.frame === "hello") {
        offset = frame.offset ?? offset;
        say(frame.lost ? `${frame.lost} bytes before this are no longer kept` : "");
        size();
      }
      if (frame.frame === "exit") {
        closed = true;
        say(`the shell has ended with ${frame.status}`);
      }
    };
    socket.onclose = ({ code }) => {
      if (closed || code === 4403 || code === 4404) return;
      say("the connection is gone; trying again");
      timer = setTimeout(() => void open(), 1000);
    };
  };
  const size = () => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ frame: "resize", cols: term.cols, rows: term.rows }));
  const input = term.onData((text) => socket?.readyState === WebSocket.OPEN && socket.send(encoder.encode(text)));
  const resize = term.onResize(size);
  void open();
  return () => {
    closed = true;
    clearTimeout(timer);
    input.dispose();
    resize.dispose();
    socket?.close();
  };
}

/** The drawer. */
export default function Terminal({ id, whole = false }: { id: string; whole?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [notice, setNotice] = useState("your own shell, with your own rights: not the agent's sandbox");
  const [said, setSaid] = useState("");
  const [name, setName] = useState<string>();
  const { theme: chosen } = useLocal();
  const term = useRef<Xterm | undefined>(undefined);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const mono = getComputedStyle(element).getPropertyValue("--mono");
    // An answer of the terminal's own to a query would be typed into the shell: none is given.
    const made = new Xterm({ fontFamily: mono, fontSize: 12, lineHeight: 1.35, cursorBlink: false, scrollback: 5000, screenReaderMode: true, theme: theme(element), linkHandler: { activate: () => {} }, allowProposedApi: false });
    term.current = made;
    const fit = new FitAddon();
    made.loadAddon(fit);
    for (const order of [52, 0, 1, 2, 8, 4, 10, 11, 12, 104]) made.parser.registerOscHandler(order, () => true);
    for (const id of [{ final: "c" }, { prefix: ">", final: "c" }, { final: "n" }, { prefix: "?", final: "n" }, { final: "t" }]) made.parser.registerCsiHandler(id, () => true);
    made.parser.registerDcsHandler({ intermediates: "$", final: "q" }, () => true);
    made.open(element);
    const watch = new ResizeObserver(() => fit.fit());
    watch.observe(element);
    let close: (() => void) | undefined;
    let gone = false;
    void (async () => {
      try {
        fit.fit();
        const { terminals } = await get<{ terminals: Open[] }>(`/sessions/${id}/terminals`);
        const there = terminals.find((t) => t.ended === null || t.ended === undefined);
        const opened = there ?? (await post<Open & { notice: string; cwd: string }>(`/sessions/${id}/terminals`, { cols: made.cols, rows: made.rows }));
        if (gone) return;
        if ("notice" in opened) setNotice(String(opened.notice));
        setName(opened.terminal);
        close = connect(made, opened.terminal, setSaid);
        made.focus();
      } catch (e) {
        setSaid(e instanceof Problem ? e.detail : String(e));
      }
    })();
    return () => {
      gone = true;
      close?.();
      watch.disconnect();
      made.dispose();
      term.current = undefined;
    };
  }, [id]);
  useEffect(() => {
    if (term.current && box.current) term.current.options.theme = theme(box.current);
  }, [chosen]);
  return (
    <section className="term" aria-label="Terminal" style={whole ? { height: "100%" } : undefined}>
      <header><b>terminal</b><span className="el">{plain(notice)}, not recorded</span>{said && <span className="no el">{plain(said)}</span>}<span className="sp" />
        {name && <button type="button" className="bare" onClick={() => { void remove(`/terminals/${name}`); set({ terminal: false }); }}>End</button>}
        {!whole && <button type="button" className="bare" onClick={() => set({ terminal: false })}>Close</button>}</header>
      <div ref={box} style={{ minHeight: 0, overflow: "hidden" }} />
    </section>
  );
}

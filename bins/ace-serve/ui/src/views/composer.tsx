// What comes next: messages that wait, and the field that writes one. Sending is kept when it fails.
import { useEffect, useRef, useState } from "react";
import type { Fold } from "../model/fold";
import { oneLine } from "../text/plain";
import { post, remove } from "../wire/api";
import { useKeys } from "./hooks";
import { act, local, set } from "./local";

const drafts = new Map<string, string>();
const IMAGE_BYTES = 5_000_000;

interface Attached { media: string; base64: string; name: string }

async function attach(files: Iterable<File>): Promise<Attached[]> {
  const out: Attached[] = [];
  for (const file of files) {
    if (!file.type.startsWith("image/") || file.size > IMAGE_BYTES) continue;
    const data = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    out.push({ media: file.type, base64: btoa(text), name: file.name });
  }
  return out;
}

/** The composer of a session. */
export function Composer({ id, state, focus, readOnly }: { id: string; state: Fold; focus: boolean; readOnly: string }) {
  const [text, setText] = useState(drafts.get(id) ?? "");
  const [images, setImages] = useState<Attached[]>([]);
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const running = state.turn !== undefined;
  useEffect(() => setText(drafts.get(id) ?? ""), [id]);
  const write = (next: string) => {
    drafts.set(id, next);
    setText(next);
  };
  const send = async (now: boolean) => {
    const words = text.trim();
    if ((words === "" && images.length === 0) || busy) return;
    setBusy(true);
    const body = { text: words, now, ...(images.length > 0 && { images: images.map(({ media, base64 }) => ({ media, base64 })) }) };
    const sent = await act(() => post(`/sessions/${id}/messages`, body));
    setBusy(false);
    if (!sent) return;
    write("");
    setImages([]);
  };
  const cancel = () => {
    if (!running) return;
    if (!sure) {
      setSure(true);
      setTimeout(() => setSure(false), 3000);
    } else {
      setSure(false);
      void act(() => post(`/sessions/${id}/cancel`));
    }
  };
  useKeys({ i: () => field.current?.focus(), "mod+c": (e) => { if (String(getSelection()) === "") cancel(); else e.preventDefault = () => {}; } }, focus);
  if (readOnly) return <div className="comp"><p className="queue">{readOnly}</p></div>;
  return (
    <div className="comp">
      {state.queue.map((said, n) => (
        <div className="queue" key={said.id}>
          <b className="you">{said.now ? "steers" : `next ${n + 1}`}</b><span className="el">{oneLine(said.text)}</span>
          <span className="wideonly roomy">{said.now ? "with the next context" : running ? "runs after this turn" : "waits"}</span>
          {!said.now && running && <button type="button" className="bare" onClick={() => void act(() => post(`/sessions/${id}/messages/${said.id}/steer`))}>Steer</button>}
          {!said.now && (
            <button type="button" className="bare" onClick={() => void act(async () => {
              await remove(`/sessions/${id}/messages/${said.id}`);
              write(text ? `${said.text}\n${text}` : said.text);
              field.current?.focus();
            })}>Edit</button>
          )}
          <button type="button" className="bare" onClick={() => void act(() => remove(`/sessions/${id}/messages/${said.id}`))}>Drop</button>
        </div>
      ))}
      <div className="box">
        <b className="you" aria-hidden="true">›</b>
        <textarea
          ref={field} aria-label="Message to the model" placeholder={state.items.length === 0 ? "Say what to do" : "Say what comes next"} value={text} rows={2}
          onChange={(e) => write(e.target.value)}
          onPaste={(e) => { if (e.clipboardData.files.length > 0) { e.preventDefault(); void attach(e.clipboardData.files).then((more) => setImages([...images, ...more])); } }}
          onKeyDown={(e) => {
            if (e.key === "Escape") e.currentTarget.blur();
            if (e.key !== "Enter" || e.shiftKey || e.nativeEvent.isComposing) return;
            e.preventDefault();
            void send(e.metaKey || e.ctrlKey);
          }}
        />
      </div>
      {images.length > 0 && (
        <div className="queue">{images.map((image, i) => (
          <span key={i}>{oneLine(image.name, 40)} <button type="button" className="link" onClick={() => setImages(images.filter((_, j) => j !== i))}>drop</button></span>
        ))}</div>
      )}
      <div className="act">
        <button type="button" className="pri" disabled={busy} onClick={() => void send(false)}>{running ? "Queue" : "Send"} <kbd>↵</kbd></button>
        {running && <button type="button" disabled={busy} title="Delivered with the next context of the running turn" onClick={() => void send(true)}>Steer now <kbd>⌘↵</kbd></button>}
        <span className="sp" />
        {local().comments.length > 0 && <span className="lbl">{local().comments.length} comments wait in the diff</span>}
        {running && <button type="button" className="bare no" onClick={cancel}>{sure ? "Press again to cancel" : "Cancel turn"} <kbd>^C</kbd></button>}
      </div>
    </div>
  );
}

/** Opens a dialog about a record. */
export const ask = (dialog: "fork" | "rewind" | "land" | "share", at: number) => set({ dialog, at });

// Text from the log as text that can do nothing: no control character works, and none that turns writing round or hides is unseen.
// It must never know where the text is shown.

/** Marks that turn the direction of writing, join or hide letters, or are no characters at all. */
const HIDDEN =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\udb40[\udc00-\udfff]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** An emoji sequence needs its joiner, and a letter of some scripts too: alone between such it is left as it is. */
const JOINS = /[\p{Extended_Pictographic}\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Emoji_Modifier}\ufe0f]$/u;

function shown(mark: string, at: number, whole: string): string {
  const code = mark.codePointAt(0) ?? 0;
  if (code === 0x0d && whole[at + 1] === "\n") return "";
  if ((code === 0x200d || code === 0x200c) && JOINS.test(whole.slice(Math.max(0, at - 2), at))) return mark;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  if (code >= 0xd800 && code <= 0xdfff) return "\ufffd";
  return `‹U+${code.toString(16).toUpperCase().padStart(4, "0")}›`;
}

/** The text with every such character shown as a symbol; line feeds and tabs stay. */
export function plain(text: string): string {
  return text.replace(HIDDEN, shown);
}

/** The same on one line. */
export function oneLine(text: string, limit = 400): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return plain(cut.replace(/\s+/g, " ").trim());
}

/** The first lines of a text and how many there are. */
export function firstLines(text: string, limit: number): { text: string; lines: number; cut: boolean } {
  const whole = text.endsWith("\n") ? text.slice(0, -1) : text;
  const lines = whole === "" ? [] : whole.split("\n");
  return { text: lines.slice(0, limit).join("\n"), lines: lines.length, cut: lines.length > limit };
}

// What the palette offers, and how what is typed finds it. Each command knows the shell command that does the same.
// It must never know how it is shown.

/** One line of the palette. */
export interface Command {
  kind: "session" | "go to" | "compare" | "settings" | "text";
  label: string;
  key?: string;
  /** The same as a shell command. */
  same?: string;
  run: () => void;
}

/** How well words fit a label: 0 not at all; earlier and whole words are better. */
export function score(label: string, words: string): number {
  const text = label.toLowerCase();
  let sum = 1;
  for (const word of words.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = text.indexOf(word);
    if (at >= 0) sum += at === 0 ? 8 : /\W/.test(text[at - 1] ?? "") ? 5 : 2;
    else {
      // Letters in order, as when somebody types `nses` for new session.
      let from = 0;
      for (const letter of word) {
        from = text.indexOf(letter, from) + 1;
        if (from === 0) return 0;
      }
      sum += 0.5;
    }
  }
  return sum;
}

/** The commands that fit, best first, in their order where they fit alike. */
export function choose(commands: Command[], words: string, most = 60): Command[] {
  if (words.trim() === "") return commands.slice(0, most);
  return commands.map((command, i) => ({ command, i, score: score(`${command.label} ${command.kind}`, words) }))
    .filter((c) => c.score > 0).sort((a, b) => b.score - a.score || a.i - b.i).slice(0, most).map((c) => c.command);
}

// The shapes of the events that the model of the views is made of, under one name, and the question a tool may ask a person.
export type {
  BlobRef, Changed, Code, Limits, Mode, Output, Part, Proposal, Risk, Scope, Stop, Usage,
} from "../events/types";

/** The arguments of `ask_user`. */
export interface Question {
  question: string;
  choices: { label: string; detail?: string }[];
}

/** The question in a call's arguments, if there is one that can be shown whole. */
export function question(tool: string, args: unknown): Question | undefined {
  if (tool !== "ask_user" || typeof args !== "object" || args === null) return undefined;
  const { question: text, choices = [] } = args as { question?: unknown; choices?: unknown };
  if (typeof text !== "string" || text.trim() === "" || !Array.isArray(choices)) return undefined;
  const labels = choices.filter((c): c is { label: string; detail?: string } => typeof c?.label === "string");
  return labels.length === choices.length ? { question: text, choices: labels } : undefined;
}

/**
 * The purpose of the composer: a new message, perhaps a reply, or an edit of an old one. A message
 * that is not in the log yet is identified by the `id` of its command.
 */
export type Compose =
  | { readonly mode: "new"; readonly replyTo: number | null }
  | { readonly mode: "edit"; readonly version: number }
  | { readonly mode: "edit-post"; readonly id: string };

/** Code points of a message (docs/protocol.md). */
export const MAX_TEXT = 4_000;

// Characters that the server refuses: control characters except newline and tab, and two
// noncharacters.
// eslint-disable-next-line no-control-regex -- these are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/gu;

/** The text as it may be sent; empty if nothing is left. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(FORBIDDEN, "").toWellFormed().trim();
}

export function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** `/me waves` is an action: "ada waves". */
export function parseInput(text: string): { text: string; kind: "text" | "action" } {
  const action = /^\/me\s+(\S[^]*)$/u.exec(text)?.[1];
  return action === undefined ? { text, kind: "text" } : { text: action, kind: "action" };
}

export const FRESH: Compose = { mode: "new", replyTo: null };

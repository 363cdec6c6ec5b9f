/** Splits a text into plain words, links and code. No part of it is ever interpreted as HTML. */
export type Token =
  | { readonly type: "text" | "code" | "block"; readonly text: string }
  | { readonly type: "link"; readonly text: string; readonly href: string };

// Bounded and without nested repetition, so no text makes it slow.
const PATTERN = /```([^]*?)```|`([^`\n]+)`|\bhttps?:\/\/[^\s<>"'`]+/gu;
const TRAILING = /[.,;:!?]+$/u;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let done = 0;
  for (const match of text.matchAll(PATTERN)) {
    const [whole, block, code] = match;
    const token = tokenOf(whole, block, code);
    if (!token) continue;
    if (match.index > done) tokens.push({ type: "text", text: text.slice(done, match.index) });
    tokens.push(token);
    done = match.index + (token.type === "link" ? token.text.length : whole.length);
  }
  if (done < text.length) tokens.push({ type: "text", text: text.slice(done) });
  return tokens;
}

function tokenOf(whole: string, block?: string, code?: string): Token | null {
  if (block !== undefined) {
    const trimmed = block.replace(/^\n|\n$/gu, "");
    return trimmed === "" ? null : { type: "block", text: trimmed };
  }
  if (code !== undefined) return { type: "code", text: code };
  const link = withoutTrailing(whole);
  return URL.canParse(link) ? { type: "link", text: link, href: new URL(link).href } : null;
}

/**
 * A full stop after an address belongs to the sentence, and so does a bracket that the address did
 * not open.
 */
function withoutTrailing(link: string): string {
  let trimmed = link.replace(TRAILING, "");
  while (trimmed.endsWith(")") && trimmed.split(")").length > trimmed.split("(").length) {
    trimmed = trimmed.slice(0, -1).replace(TRAILING, "");
  }
  return trimmed;
}

/** True for up to three emoji and nothing else: these are shown large. */
export function isEmojiOnly(text: string): boolean {
  return /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\u200d|\ufe0f|\p{Extended_Pictographic}){0,8}\s?){1,3}$/u.test(
    text,
  );
}

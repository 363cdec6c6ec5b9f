import { useEffect } from "react";
import type { FoldedMessage } from "../../fold/messages";
import { hueStyle, nameOf } from "../common/person";

interface QuoteProps {
  version: number;
  /** The quoted message, if it is loaded. */
  quoted: FoldedMessage | undefined;
  people: ReadonlyMap<string, string | null>;
  jump: (version: number) => void;
  want: (version: number) => void;
}

/** A quote that is only passed while scrolling is not read from the server. */
const SETTLED = 250;

export function Quote({ version, quoted, people, jump, want }: QuoteProps) {
  const missing = quoted === undefined;
  useEffect(() => {
    if (!missing) return;
    const timer = setTimeout(() => {
      want(version);
    }, SETTLED);
    return () => {
      clearTimeout(timer);
    };
  }, [missing, version, want]);

  return (
    <button
      type="button"
      data-testid="message-quote"
      onClick={() => {
        jump(version);
      }}
      // The touch target of 44 px extends over the name, where nothing else can be pressed.
      className="relative mb-0.5 flex h-6 max-w-full items-center gap-1.5 rounded-md border-l-[3px] border-line bg-sunken pr-2 pl-2 text-left text-xs text-soft after:absolute after:inset-x-0 after:-top-4 after:-bottom-1 hover:border-accent hover:text-ink pointer-fine:after:hidden"
    >
      {quoted ? (
        <>
          <span className="person-ink shrink-0 font-semibold" style={hueStyle(quoted.by)}>
            {nameOf(people, quoted.by)}
          </span>
          <span className="truncate">{snippetOf(quoted)}</span>
        </>
      ) : (
        "In reply to an earlier message"
      )}
    </button>
  );
}

export function snippetOf(message: FoldedMessage): string {
  if (message.deleted) return "Message deleted";
  return message.text?.replace(/\s+/gu, " ").slice(0, 160) ?? "[no longer kept]";
}

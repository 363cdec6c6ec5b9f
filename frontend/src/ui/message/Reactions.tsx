import type { FoldedMessage } from "../../fold/messages";
import { nameOf } from "../common/person";
import { emojiName } from "./emoji";

interface ReactionsProps {
  message: FoldedMessage;
  me: string;
  people: ReadonlyMap<string, string | null>;
  mayReact: boolean;
  react: (version: number, emoji: string, on: boolean) => void;
}

export function Reactions({ message, me, people, mayReact, react }: ReactionsProps) {
  return (
    <ul
      className="mt-1 mb-0.5 flex flex-wrap gap-1 pointer-coarse:gap-y-3 pointer-coarse:py-1"
      aria-label="Reactions"
    >
      {Object.entries(message.reactions).map(([emoji, users]) => {
        const mine = users.includes(me);
        return (
          <li key={emoji}>
            <button
              type="button"
              data-testid="reaction"
              data-emoji={emoji}
              aria-pressed={mine}
              aria-label={`${emojiName(emoji)}, ${users.length}`}
              title={whoReacted(users, me, people)}
              disabled={!mayReact}
              onClick={() => {
                react(message.version, emoji, !mine);
              }}
              // The touch target of 44 px is larger than the visible button.
              className={`relative inline-flex h-7 items-center gap-1.5 rounded-full border px-2 text-sm transition-colors after:absolute after:-inset-x-0.5 after:-inset-y-2 pointer-fine:after:hidden ${
                mine
                  ? "border-accent bg-wash font-semibold text-accent"
                  : "border-line bg-canvas text-soft enabled:hover:border-edge"
              }`}
            >
              <span aria-hidden="true">{emoji}</span>
              <span className="text-xs tabular-nums">{users.length}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

const NAMED = 12;

function whoReacted(
  users: readonly string[],
  me: string,
  people: ReadonlyMap<string, string | null>,
): string {
  const names = users.slice(0, NAMED).map((id) => (id === me ? "You" : nameOf(people, id)));
  const others = users.length - names.length;
  return others > 0 ? `${names.join(", ")} and ${others} more` : names.join(", ");
}

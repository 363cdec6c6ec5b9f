import type { RoomState } from "../../store/state";
import { useChatState } from "../chat";
import { nameOf } from "../common/person";

export function TypingLine({ room }: { room: RoomState }) {
  const people = useChatState((state) => state.people);
  const names = [...room.typing.keys()].map((id) => nameOf(people, id));
  return (
    <div
      aria-live="polite"
      data-testid="typing"
      className="flex h-6 shrink-0 items-center gap-2 truncate px-5 text-xs text-faint md:px-7"
    >
      {names.length > 0 && (
        <>
          <span aria-hidden="true" className="flex gap-0.5">
            {[0, 1, 2].map((dot) => (
              <span
                key={dot}
                className="size-1 rounded-full bg-faint motion-safe:animate-bounce"
                style={{ animationDelay: `${dot * 140}ms` }}
              />
            ))}
          </span>
          {sentence(names)}
        </>
      )}
    </div>
  );
}

function sentence(names: readonly string[]): string {
  const [first = "", second = ""] = names;
  if (names.length === 1) return `${first} is typing…`;
  if (names.length === 2) return `${first} and ${second} are typing…`;
  return `${first}, ${second} and ${names.length - 2} more are typing…`;
}

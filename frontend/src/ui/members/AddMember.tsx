import { useState } from "react";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { Avatar } from "../common/Avatar";
import { Icon } from "../common/Icon";

const SHOWN = 5;

/** Adds somebody by name, of those that this tab has met, or by their id. */
export function AddMember({ room }: { room: RoomState }) {
  const chat = useChat();
  const people = useChatState((state) => state.people);
  const [wanted, setWanted] = useState("");
  const members = room.open?.view.members;
  // The invited too: an invitation that did not reach somebody is made anew by asking again.
  const found = candidates(wanted, people).filter(({ id }) => !members?.has(id));

  async function add(user: string) {
    const problem = await chat.commands.addMember(room.room, user);
    if (problem === null) setWanted("");
    else chat.toasts.show(problem);
  }

  return (
    <div className="border-b border-line px-3 py-3">
      <input
        type="search"
        data-testid="add-member-input"
        aria-label="Add somebody by name or id"
        placeholder="Add somebody"
        className="h-9.5 w-full rounded-[10px] border border-edge bg-canvas px-3 text-sm placeholder:text-faint placeholder:opacity-100 max-md:h-11"
        value={wanted}
        onChange={(event) => {
          setWanted(event.target.value);
        }}
      />
      {wanted.trim() !== "" && (
        <ul className="mt-1" aria-label="People to add">
          {found.slice(0, SHOWN).map(({ id, name }) => (
            <li key={id}>
              <button
                type="button"
                data-testid="add-member"
                data-user={id}
                className="flex h-11 w-full items-center gap-2.5 rounded-[10px] px-2 text-left text-sm hover:bg-line/50"
                onClick={() => void add(id)}
              >
                <Avatar id={id} name={name} size={28} />
                <span className="min-w-0 flex-1 truncate">{name}</span>
                <Icon name="add" size={16} />
              </button>
            </li>
          ))}
          {found.length === 0 && (
            <li className="px-2 py-2 text-xs text-soft">
              You have met nobody of that name. Ask them for their id, such as u_4k2j7q: they find
              it by a click on their own name.
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

function candidates(
  wanted: string,
  people: ReadonlyMap<string, string | null>,
): { id: string; name: string }[] {
  const words = wanted.trim().toLowerCase();
  if (words === "") return [];
  const found = [...people].flatMap(([id, name]) =>
    name !== null && (name.toLowerCase().includes(words) || id === words) ? [{ id, name }] : [],
  );
  const isNewId = /^u_[a-z0-9]{1,32}$/.test(words) && !people.has(words);
  return isNewId ? [{ id: words, name: words }, ...found] : found;
}

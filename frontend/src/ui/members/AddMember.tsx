import { useState } from "react";
import type { RoomState } from "../../store/state";
import type { FoundPerson } from "../../wire/http";
import { useChat, useChatState } from "../chat";
import { Avatar } from "../common/Avatar";
import { Icon } from "../common/Icon";
import { usePeople } from "./usePeople";

const SHOWN = 5;

/** Adds a person by name, from people whom this tab knows or the server finds, or by their id. */
export function AddMember({ room }: { room: RoomState }) {
  const chat = useChat();
  const people = useChatState((state) => state.people);
  const [wanted, setWanted] = useState("");
  const members = room.open?.view.members;
  const { found: others, answered, failed } = usePeople(wanted);
  // Also invited people: adding again repeats an invitation that did not arrive.
  const found = candidates(wanted, people, others).filter(({ id }) => !members?.has(id));

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
            <li role="status" className="px-2 py-2 text-xs text-soft">
              {failed
                ? "People cannot be searched right now."
                : answered
                  ? "Nobody with that name was found. You can also paste an id, such as u_4k2j7q: everybody finds theirs by a click on their own name."
                  : "Searching…"}
            </li>
          )}
        </ul>
      )}
    </div>
  );
}

/** People whom the server finds, in its order, and people whom this tab knows. */
function candidates(
  wanted: string,
  people: ReadonlyMap<string, string | null>,
  others: readonly FoundPerson[],
): { id: string; name: string }[] {
  const words = wanted.trim().toLowerCase();
  if (words === "") return [];
  const found = others.map(({ user, name }) => ({ id: user, name }));
  const known = new Set(found.map(({ id }) => id));
  for (const [id, name] of people) {
    const fits = name !== null && (name.toLowerCase().includes(words) || id === words);
    if (fits && !known.has(id)) found.push({ id, name });
  }
  const isNewId = /^u_[a-z0-9]{1,32}$/.test(words) && !people.has(words) && !known.has(words);
  return isNewId ? [{ id: words, name: words }, ...found] : found;
}

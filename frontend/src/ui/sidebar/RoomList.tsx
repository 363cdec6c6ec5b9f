import { useRef, useState, type KeyboardEvent } from "react";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { Button } from "../common/Button";
import { arrange } from "./arrange";
import { Invitations } from "./Invitations";
import { RoomItem } from "./RoomItem";

/** Number of rooms shown at first; a button shows as many more. */
const STEP = 60;

export function RoomList({ active, filter }: { active: string | null; filter: string }) {
  const rooms = useChatState((state) => state.rooms);
  const listed = useChatState((state) => state.listed);
  const invited = useChatState((state) => state.invitations.length > 0);
  const directory = useChatState((state) => state.directory);
  const chat = useChat();
  const [shown, setShown] = useState(STEP);
  const list = useRef<HTMLDivElement>(null);
  // While the pointer or a finger is on the list, its lines stay in place; otherwise a click could
  // hit a neighbour.
  const [held, setHeld] = useState<readonly string[] | null>(null);
  const { own, others } = arrange(rooms, directory, filter, held);

  function move(event: KeyboardEvent) {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    const links = [...(list.current?.querySelectorAll<HTMLElement>("a") ?? [])];
    const next = links[links.findIndex((link) => link === document.activeElement) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  return (
    // The arrow keys are a shortcut between links that Tab also reaches.
    <div
      ref={list}
      data-testid="room-list"
      className="min-h-0 flex-1 overflow-y-auto px-2 pb-3"
      onKeyDown={move}
      onPointerEnter={() => {
        setHeld(arrange(rooms, directory, "", null).own.map((room) => room.room));
      }}
      onPointerLeave={() => {
        setHeld(null);
      }}
    >
      {filter.trim() === "" && <Invitations />}
      {!listed && <Skeleton />}
      <Section title="Your rooms" rooms={own} active={active} />
      <Section title="More to join" rooms={others.slice(0, shown)} active={active} />
      {(others.length > shown || directory.cursor !== null) && (
        <Button
          look="quiet"
          data-testid="more-rooms"
          disabled={directory.searching}
          onClick={() => {
            setShown(shown + STEP);
            if (others.length < shown + STEP) void chat.directory.more();
          }}
        >
          Show more rooms
        </Button>
      )}
      {listed && own.length + others.length === 0 && !(invited && filter.trim() === "") && (
        <p role="status" className="px-3 py-6 text-center text-sm text-faint">
          {directory.searching
            ? "Searching…"
            : filter.trim() === ""
              ? "No rooms here yet."
              : "No room has that name."}
        </p>
      )}
    </div>
  );
}

interface SectionProps {
  title: string;
  rooms: readonly RoomState[];
  active: string | null;
}

function Section({ title, rooms, active }: SectionProps) {
  if (rooms.length === 0) return null;
  return (
    <section aria-label={title} className="mb-2">
      <h2 className="px-3 pt-2.5 pb-1 text-xs font-semibold text-faint">{title}</h2>
      <ul>
        {rooms.map((room) => (
          <li key={room.room}>
            <RoomItem room={room} active={room.room === active} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Skeleton() {
  return (
    <div aria-label="Loading rooms" role="status" className="space-y-4 px-3 pt-4">
      {[70, 52, 84, 60].map((width) => (
        <div key={width} className="flex animate-pulse items-center gap-3">
          <div className="size-9 rounded-[28%] bg-line" />
          <div className="h-3 rounded bg-line" style={{ width: `${width}%` }} />
        </div>
      ))}
    </div>
  );
}

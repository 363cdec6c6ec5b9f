import { useEffect, useRef, useState } from "react";
import { useChat, useChatState } from "../chat";
import { IconButton } from "../common/Button";
import { Icon } from "../common/Icon";
import { Logo } from "../common/Logo";
import { goTo } from "../hooks";
import { CreateRoom } from "../rooms/CreateRoom";
import { MailSwitch } from "./MailSwitch";
import { Me } from "./Me";
import { RoomList } from "./RoomList";

interface SidebarProps {
  active: string | null;
  guest: boolean;
  logOut: () => void;
}

/** What Enter opens: the first room that was found. */
const ROOM = '[data-testid="room-item"]';

export function Sidebar({ active, guest, logOut }: SidebarProps) {
  const chat = useChat();
  const [filter, setFilter] = useState("");
  const nav = useRef<HTMLElement>(null);
  const searching = useChatState((state) => state.directory.searching);
  // Enter was pressed before the server answered: its first room is opened then.
  const wanted = useRef(false);
  const openFirst = () => {
    const room = nav.current?.querySelector<HTMLElement>(ROOM)?.dataset.room;
    if (room !== undefined) goTo(room);
    return room !== undefined;
  };
  useEffect(() => {
    if (searching || !wanted.current) return;
    wanted.current = false;
    openFirst();
  }, [searching]);
  const find = (text: string) => {
    wanted.current = false;
    setFilter(text);
    chat.directory.search(text);
  };
  const [creating, setCreating] = useState(false);
  return (
    <nav
      ref={nav}
      aria-label="Rooms"
      className="flex h-full w-full shrink-0 flex-col border-line bg-sidebar md:w-76 md:border-r"
    >
      <header className="flex h-15 items-center gap-2.5 pr-2.5 pl-4">
        <Logo size={28} />
        <span className="flex-1 text-lg font-semibold tracking-tight">Parley</span>
        <IconButton
          data-testid="create-room-button"
          icon="add"
          label="Create a room"
          onClick={() => {
            setCreating(true);
          }}
        />
      </header>
      <div className="relative px-3 pb-2 text-faint">
        <span className="pointer-events-none absolute inset-y-0 left-5.5 flex items-center pb-2">
          <Icon name="search" size={17} />
        </span>
        <input
          type="search"
          aria-label="Find a room"
          placeholder="Find a room"
          className="h-9.5 w-full rounded-[10px] border border-edge bg-canvas pr-3 pl-9 text-sm text-ink placeholder:text-faint placeholder:opacity-100 max-md:h-11"
          maxLength={80}
          value={filter}
          onChange={(event) => {
            find(event.target.value);
          }}
          onKeyDown={(event) => {
            if (event.key === "Escape") find("");
            if (event.key === "Enter" && filter.trim() !== "") wanted.current = !openFirst();
          }}
        />
      </div>
      <RoomList active={active} filter={filter} />
      <MailSwitch />
      <Me guest={guest} logOut={logOut} />
      <CreateRoom open={creating} onOpenChange={setCreating} />
    </nav>
  );
}

import { useState } from "react";
import { partsOf, type OfRoom } from "../../features/feature";
import type { RoomState } from "../../store/state";
import { useChat, useChatState } from "../chat";
import { IconButton } from "../common/Button";
import { Confirm } from "../common/Confirm";
import { Icon } from "../common/Icon";
import { RoomTile } from "../common/RoomTile";
import { goTo, useMedia } from "../hooks";
import { peopleIn } from "./people";
import { ConnectionStatus } from "../shell/ConnectionState";

interface RoomHeaderProps {
  room: RoomState;
  panel: boolean;
  togglePanel: () => void;
  jump: OfRoom["jump"];
}

const kinds = { public: "Public room", private: "Private room", broadcast: "Broadcast" } as const;

export function RoomHeader({ room, panel, togglePanel, jump }: RoomHeaderProps) {
  const chat = useChat();
  const [leaving, setLeaving] = useState(false);
  // A phone does not show the list of rooms next to it, which contains the connection's state.
  const beside = useMedia("(min-width: 48rem)");
  const cutOff = useChatState((state) => state.connection !== "online") && !beside;

  async function leave() {
    const problem = await chat.commands.leave(room.room);
    if (problem !== null) chat.toasts.show(problem);
    else if (room.kind === "private") goTo(null);
  }

  return (
    <header className="flex h-15 shrink-0 items-center gap-2.5 border-b border-line pr-2.5 pl-2 md:pl-5">
      <a
        href="#/"
        aria-label="All rooms"
        className="inline-flex size-11 items-center justify-center rounded-[10px] text-soft hover:bg-wash md:hidden"
      >
        <Icon name="back" size={22} />
      </a>
      <RoomTile room={room.room} kind={room.kind} size={34} />
      <div className="min-w-0 flex-1">
        <h1 className="truncate leading-5 font-semibold tracking-tight">{room.name ?? "…"}</h1>
        {partsOf("HeaderLine").map((Line, index) => (
          <Line key={index} room={room} />
        ))}
        {cutOff && <ConnectionStatus />}
        <p className={`truncate text-xs text-faint ${cutOff ? "hidden" : ""}`}>
          {/* A phone has no space for it next to the counts; there the tile shows the kind. */}
          <span className={room.memberCount > 0 ? "max-md:sr-only" : ""}>
            {kinds[room.kind]}
            {room.memberCount > 0 && " · "}
          </span>
          {peopleIn(room)}
        </p>
      </div>
      {partsOf("HeaderAction").map((Action, index) => (
        <Action key={index} room={room} jump={jump} />
      ))}
      {room.role !== null && (
        <IconButton
          data-testid="leave-button"
          icon="leave"
          label="Leave the room"
          onClick={() => {
            setLeaving(true);
          }}
        />
      )}
      <IconButton
        data-testid="members-toggle"
        icon="people"
        label="Members"
        aria-pressed={panel}
        look={panel ? "pressed" : "plain"}
        onClick={togglePanel}
      />
      <Confirm
        open={leaving}
        onOpenChange={setLeaving}
        title={`Leave ${room.name ?? "the room"}?`}
        text={
          room.kind === "private"
            ? "It is private: somebody inside has to add you before you can come back."
            : "You can read along and join again at any time."
        }
        action="Leave"
        testId="leave-confirm"
        onConfirm={() => void leave()}
      />
    </header>
  );
}

import { memo } from "react";
import type { RoomState } from "../../store/state";
import { useChatState } from "../chat";
import { nameOf } from "../common/person";
import { RoomTile } from "../common/RoomTile";
import { shortTime } from "../common/time";
import { roomAddress } from "../hooks";

interface RoomItemProps {
  room: RoomState;
  active: boolean;
}

export const RoomItem = memo(function RoomItem({ room, active }: RoomItemProps) {
  const unread = room.role === null ? 0 : room.unread;
  return (
    <a
      href={roomAddress(room.room)}
      data-testid="room-item"
      data-room={room.room}
      data-unread={unread}
      aria-current={active ? "page" : undefined}
      className={`flex items-center gap-3 rounded-xl px-2.5 py-2 outline-offset-[-2px] transition-colors ${
        active ? "bg-wash" : "hover:bg-line/50"
      }`}
    >
      <RoomTile room={room.room} kind={room.kind} size={38} />
      <span className="min-w-0 flex-1">
        <span className="flex items-baseline gap-2">
          <span
            className={`min-w-0 flex-1 truncate text-[0.9063rem] ${
              unread > 0 ? "font-bold" : "font-medium"
            }`}
          >
            {room.name ?? "[erased]"}
          </span>
          {room.last && (
            <span className="text-2xs text-soft tabular-nums">{shortTime(room.last.at)}</span>
          )}
        </span>
        <span className="flex h-5 items-center gap-2">
          <span className="min-w-0 flex-1 truncate text-[0.8125rem] text-soft">
            <Preview room={room} />
          </span>
          {unread > 0 && (
            <span className="rounded-full bg-spark px-1.5 text-2xs font-bold text-on-spark tabular-nums">
              {unread > 999 ? "999+" : unread}
              <span className="sr-only"> unread</span>
            </span>
          )}
        </span>
      </span>
    </a>
  );
});

function Preview({ room }: { room: RoomState }) {
  const people = useChatState((state) => state.people);
  const me = useChatState((state) => state.me.id);
  const { last } = room;
  if (!last || room.role === null) {
    return room.memberCount === 1 ? "1 member" : `${room.memberCount.toLocaleString()} members`;
  }
  const name = last.by === me ? "You" : (last.name ?? nameOf(people, last.by));
  if (last.text === null) return "Message removed";
  return last.kind === "action" ? `${name} ${last.text}` : `${name}: ${last.text}`;
}

import type { RoomEvent } from "../wire/room-event";
import type { RoomState, State } from "./state";

/** Applies the event to the room's line in the list: its count, last message and own role. */
export function applyToLine(room: RoomState, event: RoomEvent, state: State): RoomState {
  const me = state.me.id;
  switch (event.type) {
    case "RoomCreated":
      return { ...room, name: event.data.name, kind: event.data.kind };
    case "MemberJoined":
    case "RoleChanged": {
      const joins = event.type === "MemberJoined";
      const own = event.data.user === me;
      return {
        ...room,
        role: own ? event.data.role : room.role,
        joined: own && joins ? event.at : room.joined,
        memberCount: room.memberCount + (joins ? 1 : 0),
      };
    }
    case "MemberLeft":
      return {
        ...room,
        memberCount: room.memberCount - 1,
        online: room.kind === "private" ? without(room.online, event.data.user, me) : room.online,
        ...(event.data.user === me ? { role: null, joined: null, unread: 0 } : {}),
      };
    case "MessagePosted": {
      const seen = event.by === me || state.attending === room.room || room.role === null;
      return {
        ...room,
        unread: seen ? 0 : room.unread + 1,
        firstUnread:
          event.by === me
            ? null
            : !seen && room.unread === 0 && state.active === room.room
              ? event.data.n
              : room.firstUnread,
        last: {
          version: event.version,
          at: event.at,
          by: event.by,
          name: state.people.get(event.by) ?? null,
          text: event.data.text,
          kind: event.data.kind,
        },
        typing: withoutKey(room.typing, event.by),
      };
    }
    case "MessageEdited":
    case "MessageDeleted":
      return room.last?.version === event.data.message
        ? {
            ...room,
            last: {
              ...room.last,
              text: event.type === "MessageEdited" ? event.data.text : null,
            },
          }
        : room;
    default:
      return room;
  }
}

function withoutKey<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/**
 * The people online in a private room after `gone` left: empty for a person who is no longer a
 * member.
 */
function without(online: ReadonlySet<string>, gone: string, me: string): ReadonlySet<string> {
  return gone === me ? new Set() : new Set([...online].filter((user) => user !== gone));
}

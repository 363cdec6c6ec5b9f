/** The rooms that the person could join, among the rooms. Pure. */
import type { RoomSummary } from "../wire/http";
import { closedRoom } from "./rooms";
import type { RoomState, State } from "./state";

/**
 * Takes what the server found for `query`; `cursor` is where it goes on. With `added` it follows
 * what was found before, else it takes the place of that.
 */
export function listDirectory(
  state: State,
  query: string,
  found: readonly RoomSummary[],
  cursor: string | null,
  added: boolean,
): State {
  const before = added ? state.directory.rooms : [];
  const rooms = new Map(state.rooms);
  if (!added) {
    const again = new Set(found.map(({ room }) => room));
    for (const room of state.directory.rooms) {
      const old = rooms.get(room);
      if (old && !again.has(room) && isOnlyListed(state, old)) rooms.delete(room);
    }
  }
  for (const summary of found) {
    const old = rooms.get(summary.room);
    // Who is in a room by now, or follows it, knows more than a list that was read meanwhile.
    if (old && (old.role !== null || old.version > summary.head)) continue;
    rooms.set(summary.room, {
      ...(old ?? closedRoom(summary.room)),
      name: summary.name,
      kind: summary.kind,
      last: summary.last,
      version: summary.head,
      memberCount: summary.member_count,
    });
  }
  const ids = [...new Set([...before, ...found.map(({ room }) => room)])];
  return { ...state, rooms, directory: { query, rooms: ids, cursor, searching: false } };
}

/** True for a room that stands in the list for nothing else than to be joined. */
function isOnlyListed(state: State, room: RoomState): boolean {
  return room.role === null && room.open === null && state.active !== room.room;
}

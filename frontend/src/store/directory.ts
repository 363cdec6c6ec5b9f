/** The rooms that the person can join, among the rooms. Pure. */
import type { RoomSummary } from "../wire/http";
import { closedRoom } from "./rooms";
import type { RoomState, State } from "./state";

/**
 * Adds the server's results for `query`; `cursor` is for the next page. With `added` they follow
 * the earlier results, otherwise they replace them.
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
    // For rooms that the person has joined or follows, the state is newer than the list.
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

/** True for a room that is only in the list of rooms to join. */
function isOnlyListed(state: State, room: RoomState): boolean {
  return room.role === null && room.open === null && state.active !== room.room;
}

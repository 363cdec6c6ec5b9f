import type { RoomState } from "../../store/state";

/**
 * The rooms that match the filter: the person's own by their last message, newest first, and those
 * that they could join by size. `held` pins the order of the own ones that it names.
 */
export function arrange(
  rooms: ReadonlyMap<string, RoomState>,
  filter: string,
  held: readonly string[] | null,
): { own: RoomState[]; others: RoomState[] } {
  const wanted = filter.trim().toLocaleLowerCase();
  const matching = [...rooms.values()].filter(
    (room) =>
      room.version > 0 &&
      ((room.name ?? "").toLocaleLowerCase().includes(wanted) || room.room.includes(wanted)),
  );
  const place = new Map(held?.map((room, index) => [room, index]));
  const own = matching
    .filter((room) => room.role !== null)
    .sort((a, b) => {
      const left = place.get(a.room);
      const right = place.get(b.room);
      if (left !== undefined && right !== undefined) return left - right;
      return newestFirst(a, b);
    });
  const others = matching
    .filter((room) => room.role === null)
    .sort((a, b) => b.memberCount - a.memberCount || a.room.localeCompare(b.room));
  return { own, others };
}

function newestFirst(a: RoomState, b: RoomState): number {
  return (b.last?.at ?? "").localeCompare(a.last?.at ?? "") || a.room.localeCompare(b.room);
}

import { plain } from "../../client/plain";
import type { Directory, RoomState } from "../../store/state";

/**
 * The rooms that match the filter: the person's own rooms by their latest activity, newest first,
 * and rooms to join by size. `held` fixes the order of the own rooms that it lists.
 */
export function arrange(
  rooms: ReadonlyMap<string, RoomState>,
  directory: Directory,
  filter: string,
  held: readonly string[] | null,
): { own: RoomState[]; others: RoomState[] } {
  const wanted = plain(filter).split(/\s+/u).filter(Boolean);
  const found = new Set(directory.query === filter.trim() ? directory.rooms : []);
  const matching = [...rooms.values()].filter((room) => {
    if (room.version === 0) return false;
    const texts = [plain(room.name ?? ""), room.room];
    return (
      found.has(room.room) || wanted.every((word) => texts.some((text) => text.includes(word)))
    );
  });
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
    .filter(mayJoin)
    .sort((a, b) => b.memberCount - a.memberCount || a.room.localeCompare(b.room));
  return { own, others };
}

/** A private room, or one that the server does not show, cannot be joined. */
function mayJoin({ role, kind, refused }: RoomState): boolean {
  return role === null && kind !== "private" && refused === null;
}

function newestFirst(a: RoomState, b: RoomState): number {
  return activityOf(b).localeCompare(activityOf(a)) || a.room.localeCompare(b.room);
}

/** The time of the room's latest activity: its last message, or the person's join. */
function activityOf({ last, joined }: RoomState): string {
  const [said, came] = [last?.at ?? "", joined ?? ""];
  return said > came ? said : came;
}

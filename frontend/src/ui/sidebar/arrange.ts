import { plain } from "../../client/plain";
import type { Directory, RoomState } from "../../store/state";

/**
 * The rooms that match the filter: the person's own by what happened last, newest first, and those
 * that they could join by size. `held` pins the order of the own ones that it names.
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

/** Nobody joins a private room unasked, nor one that the server does not show. */
function mayJoin({ role, kind, refused }: RoomState): boolean {
  return role === null && kind !== "private" && refused === null;
}

function newestFirst(a: RoomState, b: RoomState): number {
  return activityOf(b).localeCompare(activityOf(a)) || a.room.localeCompare(b.room);
}

/** When the room was last of interest: its last message, or that the person came into it. */
function activityOf({ last, joined }: RoomState): string {
  const [said, came] = [last?.at ?? "", joined ?? ""];
  return said > came ? said : came;
}

import type { Role } from "../../fold/room";
import type { RoomState } from "../../store/state";
import { nameOf } from "../common/person";

export interface PanelMember {
  readonly user: string;
  readonly name: string;
  readonly role: Role;
  readonly online: boolean;
}

const RANK: Readonly<Record<Role, number>> = { owner: 0, moderator: 1, member: 2 };

/** Owners, moderators, then the others; within each, online people first, then by name. */
export function sortMembers(
  room: RoomState,
  people: ReadonlyMap<string, string | null>,
): PanelMember[] {
  const members = [...(room.open?.view.members ?? [])].map(([user, role]) => ({
    user,
    role,
    name: nameOf(people, user),
    online: room.online.has(user),
  }));
  // Names are compared by code point: ten thousand locale compares would take a second.
  return members.sort(
    (a, b) =>
      RANK[a.role] - RANK[b.role] ||
      Number(b.online) - Number(a.online) ||
      (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1),
  );
}

/** Whether a person with role `mine` may remove or change a person with role `theirs`. */
export function outranks(mine: Role | null, theirs: Role): boolean {
  if (mine === "owner") return true;
  return mine !== null && RANK[mine] < RANK[theirs];
}

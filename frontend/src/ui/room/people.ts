import type { RoomState } from "../../store/state";

/** How many people a room has and how many are here; those who are no members read along. */
export function peopleIn({ memberCount, online, open }: RoomState): string {
  const words: string[] = [];
  if (memberCount > 0) {
    words.push(`${memberCount.toLocaleString()} ${memberCount === 1 ? "member" : "members"}`);
  }
  const view = open?.view;
  if (view?.membersComplete === true) {
    const members = [...online].filter((user) => view.members.has(user)).length;
    if (members > 0) words.push(`${members} online`);
    if (online.size > members) words.push(`${online.size - members} reading along`);
  } else if (online.size > 0) {
    // Who of them is a member is not known yet.
    words.push(`${online.size} ${online.size > memberCount ? "here" : "online"}`);
  }
  return words.join(" · ");
}

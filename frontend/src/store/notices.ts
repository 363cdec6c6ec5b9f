/** Joins, departures and other changes that are read beside a snapshot. Pure. */
import { noticeOf } from "../fold/notices";
import type { RoomEvent } from "../wire/room-event";
import { withPeople, withRoom, type State } from "./state";

/** Notices around loaded messages, from events that were read with them. */
export function loadNotices(state: State, room: string, events: readonly RoomEvent[]): State {
  const known = withPeople(state, namesIn(events));
  return withRoom(known, room, (old) => {
    if (!old.open) return old;
    const { view } = old.open;
    const held = new Set(view.notices.map(({ version }) => version));
    const read = events.flatMap((event) => {
      const notice = event.version > view.version ? null : noticeOf(event);
      if (!notice || held.has(notice.version)) return [];
      // Who left before that has no name here: "Guest 2j7q left" would say nothing.
      const named = notice.type === "did" ? notice.by : "user" in notice ? notice.user : null;
      return named !== null && !known.people.has(named) ? [] : [notice];
    });
    const notices = [...read, ...view.notices].sort((a, b) => a.version - b.version);
    return { ...old, open: { ...old.open, view: { ...view, notices } } };
  });
}

/** Names that the events give to people. */
export function namesIn(events: readonly RoomEvent[]): Record<string, string | null> {
  const names: Record<string, string | null> = {};
  for (const event of events) {
    if (
      event.type === "MemberJoined" ||
      event.type === "MemberInvited" ||
      event.type === "MemberRenamed"
    ) {
      names[event.data.user] = event.data.name;
    }
  }
  return names;
}

/** How frames and answers change the rooms. Pure. */
import { addPage, liveRange, messagesIn, trimmed, type Page } from "../fold/history";
import { lowerBound } from "../fold/messages";
import { namesIn } from "./notices";
import { changeBy } from "../fold/registry";
import { completeMessage, foldRoom, type Role } from "../fold/room";
import type { Member, RoomSummary } from "../wire/http";
import type { RoomEvent } from "../wire/room-event";
import type { Snapshot } from "../wire/server";
import { applyToLine } from "./line";
import { withPeople, withRoom, type RoomState, type State } from "./state";

/** Messages that a room keeps when it leaves the screen; the rest is read again when needed. */
const KEPT_MESSAGES = 300;
const KEPT_RECENT = 2_000;

/**
 * The person's rooms from the server's list; an open room stays open. `readTo` is the version up to
 * which the person has read each room, which the server may not have yet.
 */
export function listRooms(
  state: State,
  summaries: readonly RoomSummary[],
  readTo: (room: string) => number = () => 0,
): State {
  const rooms = new Map<string, RoomState>();
  for (const summary of summaries) {
    const old = state.rooms.get(summary.room);
    // A list that was read before the last pushes arrived would count them twice.
    if (old && old.version > summary.head) {
      rooms.set(summary.room, old);
      continue;
    }
    const { name, kind, role, unread, last } = summary;
    const isRead =
      state.attending === summary.room || (last !== null && last.version <= readTo(summary.room));
    rooms.set(summary.room, {
      ...(old ?? closedRoom(summary.room)),
      name,
      kind,
      role,
      joined: summary.joined ?? old?.joined ?? null,
      last,
      version: summary.head,
      memberCount: summary.member_count,
      unread: isRead ? 0 : unread,
    });
  }
  for (const [room, old] of state.rooms) {
    if (rooms.has(room)) continue;
    if (room === state.active) rooms.set(room, old);
    // Other rooms are from the directory, or were left elsewhere and may be joined again.
    else if (old.version > 0 && old.kind !== "private") {
      rooms.set(room, old.role === null ? old : { ...old, role: null, unread: 0 });
    }
  }
  return { ...state, rooms, listed: true };
}

export function closedRoom(room: string): RoomState {
  return {
    room,
    version: 0,
    name: null,
    kind: "public",
    role: null,
    joined: null,
    memberCount: 0,
    unread: 0,
    last: null,
    firstUnread: null,
    open: null,
    refused: null,
    online: new Set(),
    typing: new Map(),
  };
}

/** Starts a room again. */
export function loadSnapshot(state: State, room: string, snapshot: Snapshot): State {
  const messages = snapshot.messages.map(completeMessage);
  const newest = messages.at(-1);
  const attending = state.attending === room;
  const known = withPeople(state, snapshot.people);
  const listed = known.rooms.has(room)
    ? known
    : { ...known, rooms: new Map(known.rooms).set(room, closedRoom(room)) };
  return withRoom(listed, room, (old) => ({
    ...old,
    version: Math.max(old.version, snapshot.version),
    name: snapshot.name,
    kind: snapshot.kind,
    role: snapshot.role,
    memberCount: snapshot.member_count,
    unread: attending ? 0 : snapshot.unread,
    firstUnread:
      old.firstUnread ??
      (snapshot.unread > 0 && newest && snapshot.role !== null
        ? newest.n - snapshot.unread + 1
        : null),
    refused: null,
    open: {
      view: {
        version: snapshot.version,
        name: snapshot.name,
        kind: snapshot.kind,
        members: new Map(),
        membersComplete: false,
        memberCount: snapshot.member_count,
        invited: new Map(),
        messages,
        notices: [],
        facts: snapshot.facts ?? {},
      },
      ranges: [liveRange(messages)],
      recent: [],
    },
  }));
}

/** Folds events that follow the room's version. */
export function applyEvents(state: State, room: string, events: readonly RoomEvent[]): State {
  const known = withPeople(state, namesIn(events));
  return withRoom(known, room, (old) => {
    let next = old;
    for (const event of events) {
      if (event.version <= next.version) continue;
      next = { ...applyToLine(next, event, known), version: event.version };
    }
    if (!old.open) return next;
    const { view } = foldRoom(old.open.view, events);
    const changes = events.filter(isChange);
    const recent =
      changes.length === 0 ? old.open.recent : [...old.open.recent, ...changes].slice(-KEPT_RECENT);
    return {
      ...next,
      name: view.name,
      kind: view.kind,
      memberCount: view.memberCount,
      open: { ...old.open, view, recent },
    };
  });
}

export function loadPage(state: State, room: string, page: Page): State {
  return withRoom(state, room, (old) => {
    if (!old.open) return old;
    const { view, ranges, recent } = old.open;
    const loaded = addPage({ messages: view.messages, ranges }, page, recent);
    return {
      ...old,
      open: {
        ...old.open,
        view: { ...view, messages: loaded.messages },
        ranges: loaded.ranges,
      },
    };
  });
}

/**
 * All members, as they were read page by page; `meanwhile` has the joins and leaves that arrived
 * during the read and is applied on top.
 */
export function loadMembers(
  state: State,
  room: string,
  members: readonly Member[],
  meanwhile: readonly RoomEvent[],
  asked: readonly Member[] = [],
): State {
  const known = withPeople(
    state,
    Object.fromEntries([...members, ...asked].map((member) => [member.user, member.name])),
  );
  return withRoom(known, room, (old) => {
    if (!old.open) return old;
    const roles = new Map<string, Role>(members.map((member) => [member.user, member.role]));
    const invited = new Map<string, Role>(asked.map((member) => [member.user, member.role]));
    for (const event of meanwhile) {
      if (event.type === "MemberJoined" || event.type === "RoleChanged") {
        roles.set(event.data.user, event.data.role);
        invited.delete(event.data.user);
      } else if (event.type === "MemberInvited") {
        invited.set(event.data.user, event.data.role);
      } else if (event.type === "InvitationDeclined") {
        invited.delete(event.data.user);
      } else if (event.type === "MemberLeft") {
        roles.delete(event.data.user);
      }
    }
    const view = {
      ...old.open.view,
      members: roles,
      invited,
      membersComplete: true,
      memberCount: roles.size,
    };
    return { ...old, memberCount: roles.size, open: { ...old.open, view } };
  });
}

/** Another tab or device of the person read the room up to `version`. */
export function markRead(state: State, room: string, version: number): State {
  return withRoom(state, room, (old) => {
    if (old.unread === 0 || !old.last) return old;
    if (version >= old.last.version) return { ...old, unread: 0 };
    const messages = old.open ? messagesIn(old.open.view.messages, liveOf(old)) : [];
    const newest = messages.at(-1);
    const read = messages[lowerBound(messages, version + 1) - 1];
    if (!newest || !read) return old;
    return { ...old, unread: Math.min(old.unread, newest.n - read.n) };
  });
}

/** The person sees the newest message now (or no longer, with null). */
export function attend(state: State, room: string | null): State {
  if (state.attending === room) return state;
  const next = { ...state, attending: room };
  return room === null
    ? next
    : withRoom(next, room, (old) => (old.unread === 0 ? old : { ...old, unread: 0 }));
}

/** Puts a room on the screen; the previous one drops most of its messages. */
export function activate(state: State, room: string | null): State {
  if (state.active === room) return state;
  const left = state.active === null ? state : leave(state, state.active);
  const entered =
    room === null
      ? left
      : withRoom(left, room, (old) => {
          const newest = old.open?.view.messages.at(-1);
          return old.unread > 0 && newest && old.role !== null
            ? { ...old, firstUnread: newest.n - old.unread + 1 }
            : old;
        });
  return { ...entered, active: room, attending: null };
}

function leave(state: State, room: string): State {
  const old = state.rooms.get(room);
  // A private room that the person is no longer in stays only while it is on the screen.
  if (old?.kind === "private" && old.role === null) {
    const rooms = new Map(state.rooms);
    rooms.delete(room);
    return { ...state, rooms };
  }
  return withRoom(state, room, ({ open, ...rest }) => ({
    ...rest,
    firstUnread: null,
    open: open && shrunk(open),
  }));
}

function shrunk(open: NonNullable<RoomState["open"]>): NonNullable<RoomState["open"]> {
  if (open.view.messages.length <= KEPT_MESSAGES) return open;
  const { messages, ranges } = trimmed(
    { messages: open.view.messages, ranges: open.ranges },
    KEPT_MESSAGES,
  );
  return { ...open, view: { ...open.view, messages }, ranges };
}

function liveOf(room: RoomState) {
  return room.open?.ranges.at(-1) ?? liveRange([]);
}

function isChange(event: RoomEvent): boolean {
  return changeBy(event) !== undefined;
}

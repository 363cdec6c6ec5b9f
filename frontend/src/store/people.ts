/** People who are online or typing. Pure. */
import type { Presence } from "../wire/server";
import { withRoom, type State } from "./state";

/** A typing sign expires after this many milliseconds (docs/protocol.md). */
export const TYPING_LAPSES = 5_000;

export function setOnline(state: State, room: string, online: readonly string[]): State {
  return withRoom(state, room, (old) => ({ ...old, online: new Set(online) }));
}

/** Without a connection it is unknown who is online or typing. */
export function nobodyOnline(state: State): State {
  const known = [...state.rooms].filter(([, { online, typing }]) => online.size + typing.size > 0);
  if (known.length === 0) return state;
  const rooms = new Map(state.rooms);
  for (const [id, room] of known) {
    rooms.set(id, { ...room, online: new Set(), typing: new Map() });
  }
  return { ...state, rooms };
}

export function applyPresence(state: State, frame: Presence): State {
  return withRoom(state, frame.room, (old) => {
    const here = frame.state === "online";
    if (old.online.has(frame.user) === here) return old;
    const online = new Set(old.online);
    if (here) online.add(frame.user);
    else online.delete(frame.user);
    return { ...old, online };
  });
}

export function startTyping(state: State, room: string, user: string, now: number): State {
  if (user === state.me.id) return state;
  return withRoom(state, room, (old) => ({
    ...old,
    typing: new Map(old.typing).set(user, now + TYPING_LAPSES),
  }));
}

export function lapseTyping(state: State, room: string, now: number): State {
  return withRoom(state, room, (old) => {
    const typing = new Map([...old.typing].filter(([, until]) => until > now));
    return typing.size === old.typing.size ? old : { ...old, typing };
  });
}

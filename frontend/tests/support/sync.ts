/** One `RoomSync`, what it asked and what it handed on. */
import { RoomSync } from "../../src/client/sync";
import type { Sync } from "../../src/wire/client";
import type { RoomEvent } from "../../src/wire/room-event";
import type { SyncedRoom } from "../../src/wire/server";
import { message, posted } from "./events";

export function world() {
  const asked: Sync[] = [];
  const taken: number[] = [];
  const log: string[] = [];
  const sync = new RoomSync({
    send: (frame) => {
      asked.push(frame);
      return true;
    },
    newId: () => `s${asked.length + 1}`,
    random: () => 0.5,
    events: (_room, events) => taken.push(...events.map(({ version }) => version)),
    snapshot: (room, snapshot) => log.push(`snapshot ${room} ${snapshot.version}`),
    online: (room, users) => log.push(`online ${room} ${users.join()}`),
    refused: (room, code) => log.push(`refused ${room} ${code}`),
    settled: (room) => log.push(`settled ${room}`),
    ownUnknown: () => log.push("own unknown"),
  });
  const push = (...versions: number[]) => {
    sync.onEvents({ type: "events", room: "r", events: events(...versions), people: {} });
  };
  const answer = (part: SyncedRoom, more = false) => {
    sync.onSynced({ type: "synced", id: `s${asked.length}`, rooms: { r: part }, more });
  };
  return { sync, asked, taken, log, push, answer };
}

export function events(...versions: number[]): RoomEvent[] {
  return versions.map((version) => posted(version, "u_a", "x", version));
}

export function snapshotAt(version: number): SyncedRoom {
  return {
    head: version,
    complete: false,
    snapshot: {
      version,
      name: "R",
      kind: "public",
      role: "member",
      member_count: 1,
      unread: 0,
      messages: [message(version)],
      people: {},
    },
    online: ["u_a"],
  };
}

/** The reading of a room's history over a fake HTTP API. */
import { History, type HistoryApi } from "../../src/client/history";
import { loadSnapshot } from "../../src/store/rooms";
import { initialState } from "../../src/store/state";
import { Store } from "../../src/store/store";
import type { Member, Messages } from "../../src/wire/http";
import type { RoomEvent } from "../../src/wire/room-event";
import { messages } from "./events";

/** A room of 1,000 messages, the newest fifty of them loaded; answers come when `give` is called. */
export function world() {
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  const fails: Error[] = [];
  const store = new Store(initialState({ id: "u_me", name: "me" }), {
    soon: () => () => undefined,
  });
  const snapshot = {
    version: 1_000,
    name: "R",
    kind: "public" as const,
    role: "member" as const,
    member_count: 3,
    unread: 0,
    messages: messages(951, 1_000),
    people: {},
  };
  store.update((state) => loadSnapshot(state, "r", snapshot));
  const answering = <T>(answer: T): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push(() => {
        const error = fails.shift();
        if (error) reject(error);
        else resolve(answer);
      });
    });
  const pages: Member[][] = [];
  const log: RoomEvent[] = [];
  const invitedOf: Member[] = [];
  const api: HistoryApi = {
    messages: (room, before, limit): Promise<Messages> => {
      asked.push(`${room} ${before} ${limit}`);
      const first = Math.max(1, before - limit);
      const last = Math.min(before - 1, 1_000);
      return answering({
        messages: messages(last - limit < first ? first : last - limit + 1, last),
        people: { u_a: "Ann" },
      });
    },
    members: (room, after, limit) => {
      asked.push(`${room} '${after}' ${limit}`);
      return answering({ members: pages.shift() ?? [], invited: invitedOf });
    },
    events: (room, after, limit) => {
      asked.push(`${room} events ${after} ${limit}`);
      return answering({ events: log });
    },
  };
  const give = async () => {
    waiting.shift()?.();
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    store.flush();
  };
  const open = () => store.get().rooms.get("r")?.open;
  return {
    history: new History(api, store),
    asked,
    give,
    open,
    store,
    pages,
    invitedOf,
    fails,
    log,
    snapshot,
  };
}

export const ranges = (open: ReturnType<ReturnType<typeof world>["open"]>) => open?.ranges ?? [];

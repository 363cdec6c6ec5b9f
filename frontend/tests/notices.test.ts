import { describe, expect, it } from "vitest";
import { applyEvents, loadSnapshot } from "../src/store/rooms";
import { joined, left, message, messages } from "./support/events";
import { world } from "./support/history";

describe("what happened around the messages", () => {
  it("is read with a snapshot that has anything else than messages in its versions", async () => {
    const { history, asked, give, open, store, log, snapshot } = world();
    await history.notices("r", snapshot);
    expect(asked).toEqual([]);
    const kept = [...messages(981, 994), ...messages(998, 1_000)];
    store.update((state) => loadSnapshot(state, "r", { ...snapshot, messages: kept }));
    log.push(joined(995, "u_new"), left(996, "u_new", "left"), left(997, "u_unknown", "left"));
    const read = history.notices("r", { ...snapshot, messages: kept });
    // Somebody comes meanwhile.
    store.update((state) => applyEvents(state, "r", [joined(1_001, "u_later")]));
    await give();
    await read;
    expect(asked).toEqual(["r events 980 20"]);
    expect(open()?.view.notices.map(({ version, type }) => `${version} ${type}`)).toEqual([
      "995 joined",
      "996 left",
      "1001 joined",
    ]);
    expect(store.get().people.get("u_new")).toBe("new");
  });

  it("is read for the newest versions of a long stretch, and not twice", async () => {
    const { history, asked, give, store, log, open, snapshot } = world();
    const few = { ...snapshot, messages: [message(1), message(999)] };
    store.update((state) => loadSnapshot(state, "r", few));
    log.push(joined(1_000, "u_new"));
    for (let turn = 0; turn < 2; turn += 1) {
      const read = history.notices("r", few);
      await give();
      await read;
    }
    expect(asked[0]).toBe("r events 800 200");
    expect(open()?.view.notices).toHaveLength(1);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../src/client/api";
import { Invitations } from "../src/client/invitations";
import { initialState } from "../src/store/state";
import { Store } from "../src/store/store";
import type { Invitation, Invitations as Answer } from "../src/wire/http";

const to = (room: string): Invitation => ({
  room,
  name: room,
  kind: "private",
  by: "u_a",
  by_name: "Ann",
  role: "member",
  at: "2026-11-20T12:00:00.000000Z",
  version: 7,
});

describe("Invitations", () => {
  let asked: number;
  let answer: () => Promise<Answer>;
  let store: Store<ReturnType<typeof initialState>>;
  let invitations: Invitations;

  beforeEach(() => {
    vi.useFakeTimers();
    asked = 0;
    answer = () => Promise.resolve({ invitations: [] });
    store = new Store(initialState({ id: "u_me", name: "me" }), { soon: () => () => undefined });
    invitations = new Invitations(
      {
        invitations: () => {
          asked += 1;
          return answer();
        },
      },
      store,
    );
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const rooms = () => store.get().invitations.map(({ room }) => room);

  it("are read once more where they may have changed while they were read", async () => {
    let give: (answer: Answer) => void = () => undefined;
    answer = () =>
      new Promise((resolve) => {
        give = resolve;
      });
    const reading = invitations.refresh();
    void invitations.refresh();
    void invitations.refresh();
    expect(asked).toBe(1);
    answer = () => Promise.resolve({ invitations: [to("b")] });
    give({ invitations: [to("a")] });
    await reading;
    expect(asked).toBe(2);
    expect(rooms()).toEqual(["b"]);
    await invitations.refresh();
    expect(asked).toBe(3);
  });

  it("go when the server has none any more", async () => {
    answer = () => Promise.resolve({ invitations: [to("a")] });
    await invitations.refresh();
    answer = () => Promise.resolve({ invitations: [] });
    await invitations.refresh();
    expect(rooms()).toEqual([]);
  });

  it("go one by one as they are answered", async () => {
    answer = () => Promise.resolve({ invitations: [to("a"), to("b"), to("c")] });
    await invitations.refresh();
    invitations.answered("b");
    invitations.answered("elsewhere");
    expect(rooms()).toEqual(["a", "c"]);
  });

  it("are read again after a failure, and no more once another reading succeeded", async () => {
    const good = answer;
    answer = () => Promise.reject(new ApiError("network", "away"));
    await invitations.refresh();
    answer = good;
    await invitations.refresh();
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(2);
  });

  it("are not read again without a session", async () => {
    answer = () => Promise.reject(new ApiError("unauthenticated", "over"));
    await invitations.refresh();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(1);
  });
});

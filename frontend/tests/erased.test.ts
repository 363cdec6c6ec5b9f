import { describe, expect, it } from "vitest";
import { loadSnapshot, applyEvents } from "../src/store/rooms";
import { initialState, withPeople } from "../src/store/state";
import { edited, message, posted } from "./support/events";

function opened(people: Readonly<Record<string, string | null>>) {
  const begun = loadSnapshot(initialState({ id: "u_me", name: "me" }), "r", {
    version: 3,
    name: "R",
    kind: "public",
    role: "member",
    member_count: 2,
    unread: 0,
    messages: [message(2, 1, "hers"), { ...message(3, 2, "his"), by: "u_b" }],
    people,
  });
  return applyEvents(begun, "r", [edited(4, 2, "hers, edited"), posted(5, "u_a", "her last", 3)]);
}

function textsOf(state: ReturnType<typeof opened>) {
  return state.rooms.get("r")?.open?.view.messages.map(({ text }) => text);
}

describe("a person who is erased while pages are open", () => {
  it("loses the name and the texts, and nobody else does", () => {
    const state = withPeople(opened({ u_a: "Ann", u_b: "Bob" }), { u_a: null });
    expect([...state.people]).toEqual([
      ["u_me", "me"],
      ["u_a", null],
      ["u_b", "Bob"],
    ]);
    expect(textsOf(state)).toEqual([null, "his", null]);
    const room = state.rooms.get("r");
    expect(room?.last).toMatchObject({ by: "u_a", name: null, text: null });
    expect(JSON.stringify(room?.open?.recent)).not.toContain("hers");
  });

  it("is told apart from somebody whose name was never known", () => {
    const state = withPeople(opened({ u_b: "Bob" }), { u_a: null });
    expect(textsOf(state)).toEqual(["hers, edited", "his", "her last"]);
  });
});

// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, ApiError } from "../src/client/api";
import {
  clearSession,
  loadDraft,
  loadOutbox,
  loadSession,
  saveDraft,
  saveOutbox,
  saveSession,
} from "../src/client/storage";

interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

describe("Api", () => {
  const calls: Call[] = [];
  let answer: () => Promise<Response>;

  beforeEach(() => {
    calls.length = 0;
    answer = () => Promise.resolve(Response.json({}));
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
      calls.push({
        url,
        method: init.method ?? "",
        headers: init.headers as Record<string, string>,
        body: init.body === null ? null : (JSON.parse(init.body as string) as unknown),
      });
      return answer();
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  const refusal = async (status: number, body: unknown): Promise<unknown> => {
    answer = () => Promise.resolve(Response.json(body, { status }));
    return new Api("").whoAmI().catch((error: unknown) => error);
  };

  it("calls what the protocol has", async () => {
    const api = new Api("https://api.example.org", "token");
    await new Api("").enter("Ann");
    await api.whoAmI();
    await api.rooms(null, 50);
    await api.rooms("a&b", 50);
    await api.directory("", null, 20);
    await api.directory("gar den", "next", 20);
    await api.messages("r", 50, 20);
    await api.members("r", "", 1_000);
    await api.members("r", "u_a&b", 1_000);
    await api.invitations();
    await api.notices();
    await api.setNotices(true);
    await new Api("").exchange("id token", "");
    await new Api("").exchange("id token", "Ann");
    const json = { "Content-Type": "application/json" };
    const bearer = { Authorization: "Bearer token" };
    const base = "https://api.example.org/api";
    const get = (path: string) => ({
      url: base + path,
      method: "GET",
      headers: bearer,
      body: null,
    });
    expect(calls).toEqual([
      { url: "/api/session", method: "POST", headers: json, body: { nickname: "Ann" } },
      get("/session"),
      get("/rooms?limit=50"),
      get("/rooms?cursor=a%26b&limit=50"),
      get("/directory?limit=20"),
      get("/directory?q=gar+den&cursor=next&limit=20"),
      get("/rooms/r/messages?before=50&limit=20"),
      get("/rooms/r/members?limit=1000"),
      get("/rooms/r/members?after=u_a%26b&limit=1000"),
      get("/invitations"),
      get("/session/notices"),
      {
        url: `${base}/session/notices`,
        method: "PUT",
        headers: { ...json, ...bearer },
        body: { mail: true },
      },
      ...[{}, { nickname: "Ann" }].map((body) => ({
        url: "/api/session/cognito",
        method: "POST",
        headers: { ...json, Authorization: "Bearer id token" },
        body,
      })),
    ]);
  });

  it("ends a session, of which there is no answer to read", async () => {
    answer = () => Promise.resolve(new Response(null, { status: 204 }));
    await new Api("", "token").logOut();
    expect(calls).toMatchObject([{ method: "DELETE", url: "/api/session" }]);
  });

  it("takes a ticket to where the server says, as a WebSocket address", async () => {
    const ticket = (url: string, base = "") => {
      answer = () => Promise.resolve(Response.json({ ticket: "t", url }, { status: 201 }));
      return new Api(base).ticket();
    };
    expect(await ticket("wss://socket.example.org/prod?ticket=t")).toBe(
      "wss://socket.example.org/prod?ticket=t",
    );
    const { host } = location;
    expect(await ticket("/ws?ticket=t")).toBe(
      `${location.protocol.replace("http", "ws")}//${host}/ws?ticket=t`,
    );
    expect(await ticket("/ws?ticket=t", "https://api.example.org")).toBe(
      "wss://api.example.org/ws?ticket=t",
    );
    expect(await ticket("/ws?ticket=t", "http://127.0.0.1:8080")).toBe(
      "ws://127.0.0.1:8080/ws?ticket=t",
    );
    expect(calls[0]).toMatchObject({ method: "POST", url: "/api/tickets", body: null });
  });

  it("says what the server has against it", async () => {
    const error = { code: "nickname_taken", message: "taken" };
    const refused = await refusal(409, { error });
    expect(refused).toBeInstanceOf(ApiError);
    expect(refused).toMatchObject({ ...error, name: "ApiError" });
  });

  it.each([
    [401, { message: "Unauthorized" }, "unauthenticated"],
    [401, null, "unauthenticated"],
    [403, { message: "Forbidden" }, "unauthenticated"],
    [403, { message: "Request blocked" }, "network"],
    [403, null, "network"],
    [500, { message: "Forbidden" }, "network"],
    [502, "bad gateway", "network"],
  ])("takes %i %o for %s", async (status, body, code) => {
    expect(await refusal(status, body)).toMatchObject({ code });
  });

  it("says that it has no connection where no answer comes, or none that can be read", async () => {
    answer = () => Promise.reject(new TypeError("failed"));
    const failed = await new Api("").rooms(null, 5).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: "network" });
    expect(String(failed)).toMatch(/connection/);
    answer = () => Promise.resolve(new Response("<html>", { status: 503 }));
    const page = await new Api("").rooms(null, 5).catch((error: unknown) => error);
    expect(page).toMatchObject({ code: "network" });
    expect(String(page)).toMatch(/503/);
  });
});

describe("what outlives a reload", () => {
  beforeEach(() => {
    localStorage.clear();
    sessionStorage.clear();
  });

  const entry = {
    command: { action: "post", id: "c1", room: "r", text: "hi" },
    at: "2026-11-20T12:00:00Z",
    state: "waiting",
  } as const;

  it("is nothing at first", () => {
    expect(loadSession()).toBeNull();
    expect(loadOutbox("u_me")).toEqual([]);
    expect(loadDraft("u_me", "r")).toBe("");
  });

  it("is the session, each person's own outbox and each room's draft", () => {
    const session = { token: "t", user: { id: "u_me", name: "me" } };
    saveSession(session);
    saveOutbox("u_me", [entry]);
    saveDraft("u_me", "r", "half a");
    expect(loadSession()).toEqual(session);
    expect(loadOutbox("u_me")).toEqual([entry]);
    expect(loadOutbox("u_other")).toEqual([]);
    expect(loadDraft("u_me", "r")).toBe("half a");
    expect(loadDraft("u_me", "s")).toBe("");
    expect(loadDraft("u_other", "r")).toBe("");
  });

  it("leaves nothing empty behind", () => {
    saveOutbox("u_me", [entry]);
    saveOutbox("u_me", []);
    saveDraft("u_me", "r", "x");
    saveDraft("u_me", "r", "");
    expect([localStorage.length, sessionStorage.length]).toEqual([0, 0]);
  });

  it("is gone with the person, and with them alone", () => {
    saveSession({ token: "t", user: { id: "u_me", name: "me" } });
    for (const user of ["u_me", "u_other"]) {
      saveOutbox(user, [entry]);
      saveDraft(user, "r", `of ${user}`);
      saveDraft(user, "s", `of ${user}`);
    }
    clearSession("u_me");
    expect(loadSession()).toBeNull();
    expect(loadOutbox("u_me")).toEqual([]);
    expect([loadDraft("u_me", "r"), loadDraft("u_me", "s")]).toEqual(["", ""]);
    expect(loadOutbox("u_other")).toHaveLength(1);
    expect(loadDraft("u_other", "s")).toBe("of u_other");
  });

  it("is the outbox of the tab alone", () => {
    saveOutbox("u_me", [entry]);
    expect(localStorage.length).toBe(0);
  });

  it("is nothing where storage holds what cannot be read, or takes nothing", () => {
    localStorage.setItem("parley.session", "{");
    expect(loadSession()).toBeNull();
    const full = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    vi.stubGlobal("localStorage", { getItem: () => null, setItem: full });
    saveDraft("u_me", "r", "x");
    saveSession({ token: "t", user: { id: "u_me", name: "me" } });
    expect(loadDraft("u_me", "r")).toBe("");
    vi.unstubAllGlobals();
    expect(localStorage.getItem("parley.session")).toBe("{");
  });
});

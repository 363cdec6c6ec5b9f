// @vitest-environment happy-dom
// Over 300 lines: one person goes through the whole app, over one set of answers that the server
// gives.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api } from "../src/client/api";
import type { Config } from "../src/client/config";
import { Links } from "../src/client/link";
import type { Arrived } from "../src/client/signIn";
import { loadSession, saveDraft, saveOutbox, saveSession } from "../src/client/storage";
import { App } from "../src/ui/App";
import type { ClientFrame } from "../src/wire/client";
import { Screen } from "./support/screen";
import { FakeSocket } from "./support/server";

const ADA = { token: "t1", user: { id: "u_ada", name: "ada" } };
const COGNITO = { domain: "https://id.example", clientId: "c1" };

let screen: Screen;
let links: Links;
let sockets: FakeSocket[];
/** What was called, with the token that was shown. */
let calls: string[];
/** Answers that a test puts in place of the usual ones: a body, or a status without one. */
let answers: Record<string, unknown>;
let leave: ReturnType<typeof vi.spyOn>;

const USUAL: Readonly<Record<string, unknown>> = {
  "POST /api/session": ADA,
  "GET /api/session": ADA.user,
  "DELETE /api/session": 204,
  "POST /api/tickets": { url: "/ws?ticket=x" },
  "GET /api/rooms": { rooms: [], cursor: null },
  "GET /api/directory": { rooms: [], cursor: null },
  "GET /api/invitations": { invitations: [] },
  "GET /api/session/notices": { mail: false, address: false },
};

function answerTo(path: string, init: RequestInit = {}): Promise<Response> {
  const call = `${init.method ?? "GET"} ${path.split("?")[0] ?? ""}`;
  const { Authorization: shown = "" } = init.headers as Record<string, string>;
  calls.push(`${call} ${shown}`.trim());
  const answer = answers[call] ?? USUAL[call];
  if (answer instanceof Error) return Promise.reject(answer);
  if (answer === 204) return Promise.resolve(new Response(null, { status: 204 }));
  if (typeof answer === "number") {
    const error = { code: "unauthenticated", message: "no session" };
    return Promise.resolve(new Response(JSON.stringify({ error }), { status: answer }));
  }
  return Promise.resolve(new Response(JSON.stringify(answer)));
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  sessionStorage.clear();
  location.hash = "";
  calls = [];
  answers = {};
  sockets = [];
  screen = new Screen();
  links = new Links();
  leave = vi.spyOn(location, "assign").mockReturnValue();
  vi.stubGlobal("fetch", answerTo);
  vi.stubGlobal(
    "WebSocket",
    class extends FakeSocket {
      constructor() {
        super();
        sockets.push(this);
      }
    },
  );
});
afterEach(() => {
  screen.close();
  links.stop();
  vi.useRealTimers();
});

interface Begun {
  readonly config?: Partial<Config>;
  readonly arriving?: Promise<Arrived> | null;
}

const api = new Api("");

async function start({ config = {}, arriving = null }: Begun = {}) {
  const all = { api: "", guests: true, cognito: null, quietPosts: false, ...config };
  screen.show(<App api={api} config={all} arriving={arriving} links={links} />);
  await screen.pass(20);
}

const entered = () =>
  screen.all("nickname-input").length === 0 && screen.all("entry-waiting").length === 0;
const socket = () => {
  const last = sockets.at(-1);
  if (!last) throw new Error("no socket was opened");
  return last;
};

async function enterAs(nickname: string) {
  screen.type("nickname-input", nickname);
  screen.click("enter-button");
  await screen.pass(20);
}

async function logOut() {
  screen.click("logout-button");
  if (screen.all("logout-confirm").length > 0) screen.click("logout-confirm");
  await screen.pass(20);
}

describe("a person who enters", () => {
  it("has a session that outlives the page, and speaks with its token", async () => {
    await start();
    await enterAs(" ada ");
    expect(entered()).toBe(true);
    expect(loadSession()).toEqual(ADA);
    expect(calls).toContain("POST /api/tickets Bearer t1");
    expect(calls).toContain("GET /api/rooms Bearer t1");
    expect(sockets).toHaveLength(1);
  });

  it("is told what is wrong with the nickname, and may try again", async () => {
    await start();
    await enterAs("  ");
    expect(screen.text).toContain("Choose a nickname first.");
    expect(calls).toEqual([]);
    answers["POST /api/session"] = new TypeError("away");
    await enterAs("ada");
    expect(screen.text).toContain("Parley cannot be reached.");
    expect(screen.text).not.toContain("Choose a nickname first.");
    expect(loadSession()).toBeNull();
    delete answers["POST /api/session"];
    await enterAs("ada");
    expect(entered()).toBe(true);
  });
});

describe("a person who comes back", () => {
  beforeEach(() => {
    saveSession(ADA);
  });

  it("is there at once, with what was not sent yet", async () => {
    const command = { action: "post", id: "p1", room: "r", text: "kept", since: 3 } as const;
    saveOutbox("u_ada", [{ command, at: "2026-11-20T12:00:00.000000Z", state: "sent" }]);
    await start();
    expect(entered()).toBe(true);
    await screen.hear(() => {
      socket().open();
    });
    expect(socket().sent).toContainEqual(command);
    // Once it is acknowledged nothing of it is left for the next page.
    await screen.hear(() => {
      socket().receive({ type: "ack", id: "p1", room: "r", version: 4 });
    });
    expect(sessionStorage.getItem("parley.outbox.u_ada")).toBeNull();
  });

  it("enters again where the session is over", async () => {
    answers["GET /api/rooms"] = 401;
    await start();
    expect(entered()).toBe(false);
    expect(screen.text).toContain("Your session has ended. Enter again to continue.");
    expect(loadSession()).toBeNull();
    expect(socket().closed).toBe(true);
    // Whoever enters then and goes by themselves is not told that again.
    delete answers["GET /api/rooms"];
    await enterAs("ada");
    await logOut();
    expect(screen.text).not.toContain("has ended");
  });

  it("stays where the server cannot be asked", async () => {
    answers["GET /api/rooms"] = new TypeError("away");
    await start();
    expect(entered()).toBe(true);
    expect(loadSession()).toEqual(ADA);
  });

  it("enters again when the socket says that the session is over", async () => {
    await start();
    await screen.hear(() => {
      socket().open();
    });
    await screen.hear(() => {
      socket().lose(4401);
    });
    expect(entered()).toBe(false);
    expect(loadSession()).toBeNull();
    await screen.pass(60_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("a person who logs out", () => {
  beforeEach(() => {
    saveSession(ADA);
    saveDraft("u_ada", "r", "secret");
  });

  it("leaves nothing on the device, and the server is told", async () => {
    await start();
    await logOut();
    expect(entered()).toBe(false);
    expect(screen.text).not.toContain("has ended");
    expect(calls).toContain("DELETE /api/session Bearer t1");
    expect(Object.keys(localStorage).filter((key) => key !== "parley.theme")).toEqual([]);
    expect(socket().closed).toBe(true);
    expect(leave).not.toHaveBeenCalled();
    const asked = calls.length;
    await screen.pass(600_000);
    expect(calls).toHaveLength(asked);
  });

  it("is out even where the server cannot be told", async () => {
    answers["DELETE /api/session"] = new TypeError("away");
    await start();
    await logOut();
    expect(entered()).toBe(false);
    expect(loadSession()).toBeNull();
  });

  it("leaves the hosted session too, where they came by it", async () => {
    saveSession({ ...ADA, hosted: true });
    await start({ config: { cognito: COGNITO } });
    await logOut();
    expect(screen.find("entry-waiting").textContent).toContain("Signing you out…");
    expect(leave).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining("https://id.example/logout?client_id=c1"),
    );
  });

  it("has no hosted session to leave as a guest", async () => {
    await start({ config: { cognito: COGNITO } });
    await logOut();
    expect(screen.text).not.toContain("Signing you out…");
    expect(leave).not.toHaveBeenCalled();
  });
});

describe("a person who comes from the hosted sign-in", () => {
  const config = { cognito: COGNITO };

  it("waits, then is there", async () => {
    let arrive: (arrived: Arrived) => void = () => undefined;
    const arriving = new Promise<Arrived>((resolve) => {
      arrive = resolve;
    });
    await start({ config, arriving });
    expect(screen.find("entry-waiting").textContent).toContain("Signing you in…");
    arrive({ entered: ADA });
    await screen.pass(20);
    expect(entered()).toBe(true);
    expect(loadSession()).toEqual({ ...ADA, hosted: true });
    // Nobody asks them whether they are sure: they can come back as the same person.
    screen.click("logout-button");
    expect(screen.all("logout-confirm")).toEqual([]);
    await screen.pass(20);
    expect(loadSession()).toBeNull();
  });

  it("is told what went wrong, until they are in", async () => {
    await start({ config, arriving: Promise.resolve({ problem: "The sign-in was cancelled." }) });
    expect(screen.find("sign-in-note").textContent).toBe("The sign-in was cancelled.");
    await enterAs("ada");
    await logOut();
    expect(screen.find("sign-in-note").textContent).toBe("");
  });

  it("is signed in by nothing that comes after the page went", async () => {
    let arrive: (arrived: Arrived) => void = () => undefined;
    const arriving = new Promise<Arrived>((resolve) => {
      arrive = resolve;
    });
    await start({ config, arriving });
    screen.show(null);
    arrive({ entered: ADA });
    await screen.pass(20);
    expect(loadSession()).toBeNull();
  });

  it("may choose anew after the browser's button brought the page back", async () => {
    await start({ config, arriving: new Promise<Arrived>(() => undefined) });
    const back = (persisted: boolean) => {
      dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));
    };
    await screen.hear(() => {
      back(false);
    });
    expect(screen.all("entry-waiting")).toHaveLength(1);
    await screen.hear(() => {
      back(true);
    });
    expect(screen.all("entry-waiting")).toEqual([]);
    expect(screen.all("sign-in-button")).toHaveLength(1);
  });

  it("takes the nickname along, once, and may press again after coming back", async () => {
    await start({ config });
    const button = () => screen.find("sign-in-button") as HTMLButtonElement;
    screen.type("nickname-input", " ada ");
    screen.click("sign-in-button");
    expect(button().disabled).toBe(true);
    await vi.waitFor(async () => {
      await screen.pass();
      expect(leave).toHaveBeenCalledOnce();
    });
    expect(sessionStorage.getItem("parley.sign-in")).toContain('"nickname":"ada"');
    await screen.hear(() => {
      dispatchEvent(new Event("pageshow"));
    });
    expect(button().disabled).toBe(false);
  });

  it("is told where leaving does not work, and may try again", async () => {
    await start({ config: { ...config, guests: false } });
    vi.stubGlobal("sessionStorage", {
      setItem: () => {
        throw new Error("forbidden");
      },
    });
    screen.click("sign-in-button");
    await vi.waitFor(async () => {
      await screen.pass();
      expect(screen.find("sign-in-note").textContent).toContain("does not store data");
    });
    expect((screen.find("sign-in-button") as HTMLButtonElement).disabled).toBe(false);
    expect(leave).not.toHaveBeenCalled();
  });

  it("is told that the session ended, where signing in is the only way", async () => {
    saveSession({ ...ADA, hosted: true });
    answers["GET /api/rooms"] = 401;
    await start({ config: { ...config, guests: false } });
    expect(screen.find("sign-in-note").textContent).toBe(
      "Your session has ended. Sign in again to continue.",
    );
  });
});

describe("a post", () => {
  async function posted(quietPosts: boolean): Promise<ClientFrame | undefined> {
    saveSession(ADA);
    const room = {
      room: "r",
      name: "R",
      kind: "public",
      role: "member",
      head: 1,
      member_count: 1,
      unread: 0,
      last: null,
    };
    answers["GET /api/rooms"] = { rooms: [room], cursor: null };
    location.hash = "#/r";
    await start({ config: { quietPosts } });
    await screen.hear(() => {
      socket().open();
    });
    const asked = socket().sent.findLast((frame) => frame.action === "sync");
    const answer = {
      type: "synced",
      id: asked?.id ?? "",
      rooms: {
        r: {
          head: 1,
          snapshot: {
            version: 1,
            name: "R",
            kind: "public",
            role: "member",
            member_count: 1,
            unread: 0,
            messages: [] as never[],
            people: {},
          },
        },
      },
    } as const;
    await screen.hear(() => {
      socket().receive(answer);
    });
    screen.type("composer", "hi");
    screen.click("send-button");
    await screen.pass(20);
    return socket().sent.find((frame) => frame.action === "post");
  }

  it.each([true, false])("is quiet where the deployment asks for it: %s", async (quiet) => {
    const frame = await posted(quiet);
    expect(frame).toMatchObject({ room: "r", text: "hi" });
    expect(frame && "quiet" in frame).toBe(quiet);
  });
});

describe("a link for another device", () => {
  const SECRET = "s3cret_-".repeat(5);

  /** The page is opened at a link, as main.tsx does it. */
  async function open() {
    location.hash = `#/link/${SECRET}`;
    links.stop();
    links = new Links();
    expect(links.get()).toBe(SECRET);
    expect(location.href).not.toContain(SECRET);
    const all = { api: "", guests: true, cognito: null, quietPosts: false };
    screen.show(<App api={api} config={all} arriving={null} links={links} />);
    await screen.pass(20);
  }

  it("brings the person here once they say so, and not before", async () => {
    await open();
    expect(screen.text).toContain("Continue on this device?");
    expect(calls).toEqual([]);
    answers["POST /api/session"] = 401;
    screen.click("link-continue");
    await screen.pass(20);
    expect(screen.text).toContain("This link was used before");
    expect(loadSession()).toBeNull();
    delete answers["POST /api/session"];
    screen.click("link-continue");
    await screen.pass(20);
    expect(calls.filter((call) => call === "POST /api/session")).toHaveLength(2);
    expect(loadSession()).toEqual(ADA);
    expect(screen.all("link-screen")).toEqual([]);
    expect(entered()).toBe(true);
  });

  it("may be left alone", async () => {
    await open();
    screen.click("link-close");
    expect(entered()).toBe(false);
    expect(screen.all("nickname-input")).toHaveLength(1);
    expect(calls).toEqual([]);
  });

  it("never takes the place of whoever is here", async () => {
    saveSession(ADA);
    await open();
    expect(screen.text).toContain("You are already here as ada");
    expect(screen.all("link-continue")).toEqual([]);
    screen.click("link-close");
    await screen.pass(20);
    expect(calls).not.toContain("POST /api/session");
    expect(loadSession()).toEqual(ADA);
  });

  it("is taken out of the address in a tab that is here already", async () => {
    await start();
    await screen.hear(() => {
      location.hash = `#/link/${SECRET}`;
      dispatchEvent(new Event("hashchange"));
    });
    expect(screen.all("link-screen")).toHaveLength(1);
    expect(location.href).not.toContain(SECRET);
  });

  it("is taken out of the address while the page is still loading, and not lost", async () => {
    location.hash = `#/link/${SECRET}`;
    dispatchEvent(new Event("hashchange"));
    expect(location.href).not.toContain(SECRET);
    await start();
    expect(screen.all("link-screen")).toHaveLength(1);
  });

  it("is made and copied by a guest who is about to log out", async () => {
    saveSession(ADA);
    answers["POST /api/session/link"] = { url: `/#/link/${SECRET}` };
    const write = vi.fn(() => Promise.resolve());
    vi.stubGlobal("navigator", { clipboard: { writeText: write } });
    await start();
    screen.click("logout-button");
    expect(screen.text).toContain("You lose your private rooms");
    screen.click("make-link");
    await screen.pass(20);
    expect(calls).toContain("POST /api/session/link Bearer t1");
    const url = `${location.origin}/#/link/${SECRET}`;
    expect(write).toHaveBeenCalledExactlyOnceWith(url);
    expect((screen.find("device-link") as HTMLInputElement).value).toBe(url);
    expect(screen.text).toContain("It works once.");
    expect(entered()).toBe(true);
  });
});

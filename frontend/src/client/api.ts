/** The HTTP calls of docs/protocol.md. */
import type {
  Entered,
  ErrorBody,
  EventList,
  ExchangeRequest,
  FoundPeople,
  Identity,
  Invitations,
  Members,
  Messages,
  Notices,
  NoticesRequest,
  Rooms,
  SessionLink,
  Ticket,
} from "../wire/http";
import { answerOf, type Answer } from "./within";

/** An answer that is not a success; `code` is the wire's, or "network" if there was no answer. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export class Api {
  constructor(
    private readonly base: string,
    private readonly token: string | null = null,
    private readonly stop: AbortSignal | null = null,
  ) {}

  /** The calls of a session; running calls end when `stop` is aborted. */
  withToken(token: string, stop: AbortSignal | null = null): Api {
    return new Api(this.base, token, stop);
  }

  enter(nickname: string): Promise<Entered> {
    return this.call("POST", "/api/session", { nickname });
  }

  /** Comes back as the guest who made a link for another device. */
  enterByLink(link: string): Promise<Entered> {
    return this.call("POST", "/api/session", { link });
  }

  /** The address of a link that brings this guest to another device, once. */
  async link(): Promise<string> {
    const { url } = await this.call<SessionLink>("POST", "/api/session/link");
    return new URL(url, location.origin).href;
  }

  /** Exchanges a sign-in's ID token for a session; `nickname` may be empty. */
  exchange(idToken: string, nickname: string): Promise<Entered> {
    const body: ExchangeRequest = nickname === "" ? {} : { nickname };
    return this.withToken(idToken).call("POST", "/api/session/cognito", body);
  }

  whoAmI(): Promise<Identity> {
    return this.call("GET", "/api/session");
  }

  async logOut(): Promise<void> {
    await this.call("DELETE", "/api/session");
  }

  /** The WebSocket address for one attempt. */
  async ticket(): Promise<string> {
    const { url } = await this.call<Ticket>("POST", "/api/tickets");
    const address = new URL(url, new URL(this.base || "/", location.href));
    address.protocol = address.protocol.replace("http", "ws");
    return address.href;
  }

  /** A page of the person's rooms, by id. */
  rooms(cursor: string | null, limit: number): Promise<Rooms> {
    return this.call("GET", `/api/rooms?${query({ cursor, limit })}`);
  }

  /** A page of the rooms that the person may join, by id; it may be short and have a cursor. */
  directory(q: string, cursor: string | null, limit: number): Promise<Rooms> {
    return this.call("GET", `/api/directory?${query({ q: q || null, cursor, limit })}`);
  }

  /** Whether the person wants mail, and whether an address is known. */
  notices(): Promise<Notices> {
    return this.call("GET", "/api/session/notices");
  }

  setNotices(mail: boolean): Promise<Notices> {
    const body: NoticesRequest = { mail };
    return this.call("PUT", "/api/session/notices", body);
  }

  /** People by the beginnings of their names. */
  people(q: string): Promise<FoundPeople> {
    return this.call("GET", `/api/people?${query({ q })}`);
  }

  invitations(): Promise<Invitations> {
    return this.call("GET", "/api/invitations");
  }

  /** The events above a version, in order. */
  events(room: string, after: number, limit: number): Promise<EventList> {
    return this.call("GET", `/api/rooms/${room}/events?after=${after}&limit=${limit}`);
  }

  messages(room: string, before: number, limit: number): Promise<Messages> {
    return this.call("GET", `/api/rooms/${room}/messages?before=${before}&limit=${limit}`);
  }

  members(room: string, after: string, limit: number): Promise<Members> {
    const from = after === "" ? "" : `after=${encodeURIComponent(after)}&`;
    return this.call("GET", `/api/rooms/${room}/members?${from}limit=${limit}`);
  }

  /** Reads a feature's own path. */
  read<T>(path: string): Promise<T> {
    return this.call("GET", path);
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    let answer: Answer;
    try {
      const init = {
        method,
        headers: {
          ...(this.token === null ? {} : { Authorization: `Bearer ${this.token}` }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      };
      answer = await answerOf(this.base + path, init, this.stop);
    } catch {
      throw new ApiError("network", "Parley cannot be reached. Check your connection.");
    }
    if (answer.status === 204) return undefined as T;
    if (answer.ok) return answer.body as T;
    throw errorOf(answer.status, answer.body);
  }
}

/** Whether the same request may succeed later. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ApiError) || PASSING.includes(error.code);
}

const PASSING = ["network", "rate_limited", "room_busy", "internal"];

function query(values: Readonly<Record<string, string | number | null>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== null);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}

function errorOf(status: number, answer: unknown): ApiError {
  const problem = (answer as Partial<ErrorBody> | null)?.error;
  if (problem) return new ApiError(problem.code, problem.message);
  return new ApiError(
    refusedAtTheDoor(status, answer) ? "unauthenticated" : "network",
    `The server answered with status ${status}.`,
  );
}

/**
 * API Gateway refuses a call before it reaches the server: 401 without a token, 403 with an expired
 * one. Its body distinguishes this 403 from a firewall's.
 */
function refusedAtTheDoor(status: number, answer: unknown): boolean {
  const message = (answer as { message?: unknown } | null)?.message;
  return status === 401 || (status === 403 && message === "Forbidden");
}

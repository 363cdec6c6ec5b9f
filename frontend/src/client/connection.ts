/** Keeps one WebSocket open: a ticket per attempt, backoff between attempts, regular pings. */
import type { ClientFrame, Ping } from "../wire/client";
import type { ServerFrame } from "../wire/server";
import { ApiError } from "./api";
import { backoff } from "./backoff";

export type ConnectionState = "online" | "connecting" | "offline";

/** The part of a WebSocket that is used; tests have their own. */
export interface Socket {
  send(data: string): void;
  close(): void;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
}

export interface ConnectionHooks {
  ticket(): Promise<string>;
  connect(url: string): Socket;
  opened(): void;
  closed(): void;
  received(frame: ServerFrame): void;
  /** The frames of a ping: one, or a few if there are many rooms. */
  pings(): readonly Ping[];
  /** Milliseconds from one ping to the next. */
  pingEvery(): number;
  changed(state: ConnectionState): void;
  /** The session has ended; there are no further attempts. */
  over(): void;
  random(): number;
}

const PONG_WITHIN = 10_000;
/** An attempt that neither opened nor failed by then is given up. */
const OPEN_WITHIN = 15_000;
const SESSION_OVER = 4401;

export class Connection {
  private socket: Socket | null = null;
  private isOpen = false;
  private stopped = false;
  private attempt = 0;
  /** Distinguishes a late ticket of an abandoned attempt from the current one's. */
  private generation = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setTimeout> | undefined;
  private deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly hooks: ConnectionHooks) {}

  start(): void {
    this.stopped = false;
    void this.tryOnce();
  }

  stop(): void {
    this.stopped = true;
    this.drop();
  }

  /** False if there is no open socket; then the frame is not sent. */
  send(frame: ClientFrame): boolean {
    if (!this.isOpen || !this.socket) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** The network is back: no reason to wait for the backoff. */
  retryNow(): void {
    if (this.stopped || this.isOpen) return;
    this.attempt = 0;
    this.drop();
    void this.tryOnce();
  }

  /** The network went away, which a socket notices only minutes later. */
  networkLost(): void {
    if (!this.stopped) this.lost();
  }

  /** Checks whether the server still answers, and which events it could not deliver. */
  check(): void {
    if (!this.isOpen) return;
    for (const ping of this.hooks.pings()) this.send(ping);
    this.restartPingTimer();
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => {
      this.lost();
    }, PONG_WITHIN);
  }

  private async tryOnce(): Promise<void> {
    const generation = ++this.generation;
    this.hooks.changed("connecting");
    this.deadline = setTimeout(() => {
      this.lost();
    }, OPEN_WITHIN);
    let url: string;
    try {
      url = await this.hooks.ticket();
    } catch (error) {
      if (generation !== this.generation) return;
      if (error instanceof ApiError && error.code === "unauthenticated") this.end();
      else this.lost();
      return;
    }
    if (generation !== this.generation) return;
    this.listen(this.hooks.connect(url));
  }

  private listen(socket: Socket): void {
    this.socket = socket;
    socket.onopen = () => {
      clearTimeout(this.deadline);
      this.isOpen = true;
      this.restartPingTimer();
      this.hooks.changed("online");
      this.hooks.opened();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      // Only a frame proves that the server accepts the connection; an opened socket may be closed
      // again at once.
      this.attempt = 0;
      // Any frame shows that the server answers; a refused ping gets an error, not a pong.
      clearTimeout(this.deadline);
      this.hooks.received(JSON.parse(data) as ServerFrame);
    };
    socket.onclose = ({ code }) => {
      if (code === SESSION_OVER) this.end();
      else this.lost();
    };
  }

  /**
   * Pings are sent regardless of other traffic: a quiet room's push may be lost in the meantime.
   */
  private restartPingTimer(): void {
    clearTimeout(this.pingTimer);
    this.pingTimer = setTimeout(() => {
      this.check();
    }, this.hooks.pingEvery());
  }

  private lost(): void {
    this.drop();
    this.hooks.changed("offline");
    const wait = backoff(this.attempt, () => this.hooks.random());
    this.attempt += 1;
    this.retryTimer = setTimeout(() => void this.tryOnce(), wait);
  }

  private end(): void {
    this.stop();
    this.hooks.over();
  }

  private drop(): void {
    this.generation += 1;
    clearTimeout(this.retryTimer);
    clearTimeout(this.pingTimer);
    clearTimeout(this.deadline);
    const { socket } = this;
    const wasOpen = this.isOpen;
    this.socket = null;
    this.isOpen = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    if (wasOpen) this.hooks.closed();
  }
}

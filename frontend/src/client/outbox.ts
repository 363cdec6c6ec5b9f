/**
 * Commands on their way to the server.
 *
 * A command keeps its id and `since` from the first send on, so a retry after a reconnect or a
 * reload changes nothing twice. Each room is a lane with at most one unacknowledged command,
 * because API Gateway does not keep frames in order. The person's texts survive a reload of the
 * tab.
 *
 * A post may be sent `quiet`: its push then serves as its ack. Only the first send is quiet; a
 * retry requests the ack, because the push of a stored message does not come again.
 */
import type { ClientFrame, Ping, Sync, Typing } from "../wire/client";

export type Command = Exclude<ClientFrame, Sync | Typing | Ping>;

/** A command as its author gives it: the outbox adds `id` and `since`. */
export type NewCommand = Command extends infer One
  ? One extends Command
    ? Omit<One, "id" | "since">
    : never
  : never;

export interface OutboxEntry {
  readonly command: Command;
  /** When it was created, ISO 8601. */
  readonly at: string;
  /** `acked` commands wait for the push with their event. */
  readonly state: "waiting" | "sent" | "acked" | "failed";
  /** The version that the server acknowledged. */
  readonly version?: number;
  /** The text of an edit that the person made after sending the post: it is sent after the ack. */
  readonly amended?: string;
  readonly problem?: { readonly code: string; readonly message: string };
}

export interface OutboxHooks {
  send(command: Command): boolean;
  /** The room version held, or null if there is none: then nothing is sent to the room yet. */
  held(room: string): number | null;
  /** Whether a post needs no ack, because its push will come and confirms it. */
  quiet(room: string): boolean;
  changed(entries: readonly OutboxEntry[]): void;
  acked(command: Command, version: number): void;
  /** `kept` is true if the person can retry or discard it. */
  refused(command: Command, code: string, message: string, kept: boolean): void;
  newId(): string;
  load(): readonly OutboxEntry[];
  save(entries: readonly OutboxEntry[]): void;
}

/**
 * Milliseconds after which a command without an answer is sent again: the ack may have been lost.
 */
const ACK_WITHIN = 10_000;
/** A push comes within a second on AWS, and some seconds later after a cold start. */
const PUSH_WITHIN = 5_000;

/** Milliseconds after which what a closed tab left is not sent by itself. */
const LATE = 24 * 3_600_000;
const TOO_LATE = { code: "late", message: "It waited for more than a day." };

export class Outbox {
  private entries: readonly OutboxEntry[];
  private online = false;
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly hooks: OutboxHooks) {
    this.entries = hooks.load();
    if (this.entries.length > 0) hooks.changed(this.entries);
  }

  /** `since` for a command to a room of which no version is held. */
  add(command: NewCommand, since?: number): string {
    const id = this.hooks.newId();
    // Only the newest read mark matters, so a waiting one is replaced.
    const others =
      command.action === "read"
        ? this.entries.filter(
            (entry) =>
              entry.command.action !== "read" ||
              entry.command.room !== command.room ||
              entry.state !== "waiting",
          )
        : this.entries;
    const entry: OutboxEntry = {
      command: { ...command, id, ...(since === undefined ? {} : { since }) },
      at: new Date().toISOString(),
      state: "waiting",
    };
    this.put([...others, entry]);
    this.pump(command.room);
    return id;
  }

  /** Takes over what a tab that is gone had not sent. */
  adopt(entries: readonly OutboxEntry[]): void {
    const known = new Set(this.entries.map(({ command }) => command.id));
    const late = new Date(Date.now() - LATE).toISOString();
    const taken = entries.flatMap((entry) => {
      if (known.has(entry.command.id)) return [];
      known.add(entry.command.id);
      if (entry.at >= late) return [entry];
      // Nobody expects what they did days ago to happen now; of a message they are asked.
      return entry.command.action === "post"
        ? [{ ...rewritten(entry), state: "failed" as const, problem: TOO_LATE }]
        : [];
    });
    // Written even where nothing is new: whoever left it is forgotten after this.
    this.put([...this.entries, ...taken]);
    for (const room of new Set(taken.map(({ command }) => command.room))) this.pump(room);
  }

  opened(): void {
    this.online = true;
    for (const room of new Set(this.entries.map((entry) => entry.command.room))) this.pump(room);
  }

  closed(): void {
    this.online = false;
    for (const id of [...this.timers.keys()]) this.stopTimer(id);
  }

  /**
   * Sends the next command of the room's lane if it may be sent; also called once the room's
   * version is known.
   */
  pump(room: string): void {
    if (!this.online) return;
    const lane = this.entries.filter((entry) => entry.command.room === room);
    const inFlight = lane.find((entry) => entry.state === "sent");
    const next = inFlight ?? lane.find((entry) => entry.state === "waiting");
    if (!next || this.timers.has(next.command.id)) return;
    const command = this.stamped(next.command);
    if (!command) return;
    const quiet = this.mayBeQuiet(next, lane);
    // Stored before it is sent: after a reload in between it must be retried with this `since`.
    this.replace(next.command.id, { ...next, command, state: "sent" });
    // `quiet` is not part of the entry: every later send of it requests the ack.
    const frame = quiet && command.action === "post" ? { ...command, quiet } : command;
    if (!this.hooks.send(frame)) return;
    this.timers.set(
      command.id,
      setTimeout(
        () => {
          this.timers.delete(command.id);
          this.pump(room);
        },
        quiet ? PUSH_WITHIN : ACK_WITHIN,
      ),
    );
  }

  acked(id: string, version: number): void {
    const entry = this.find(id);
    if (!entry) return;
    this.stopTimer(id);
    const { command } = entry;
    // If its event is already held, for example after a reload, the timeline shows the event.
    const shows = command.action === "post" && (this.hooks.held(command.room) ?? 0) < version;
    if (shows) this.replace(id, { ...entry, state: "acked", version });
    else this.remove(id);
    this.hooks.acked(command, version);
    this.follow(entry, version);
    this.pump(command.room);
  }

  refused(id: string, code: string, message: string): void {
    const entry = this.find(id);
    if (!entry) return;
    this.stopTimer(id);
    const { command } = entry;
    const kept = command.action === "post";
    if (kept)
      this.replace(id, { ...rewritten(entry), state: "failed", problem: { code, message } });
    else this.remove(id);
    this.hooks.refused(command, code, message, kept);
    this.pump(command.room);
  }

  /** The command's own event arrived: it is equivalent to the ack, and it shows the message. */
  seen(id: string, version: number): void {
    const entry = this.find(id);
    if (!entry) return;
    this.stopTimer(id);
    this.remove(id);
    if (entry.state !== "acked") {
      this.hooks.acked(entry.command, version);
      this.follow(entry, version);
    }
    this.pump(entry.command.room);
  }

  /** The room's view has all events up to `version`, so acknowledged posts are in it. */
  reached(room: string, version: number): void {
    const left = this.entries.filter(
      (entry) =>
        entry.command.room !== room ||
        entry.state !== "acked" ||
        entry.version === undefined ||
        entry.version > version,
    );
    if (left.length !== this.entries.length) this.put(left);
  }

  retry(id: string): void {
    const entry = this.find(id);
    if (entry?.state !== "failed") return;
    this.replace(id, { command: entry.command, at: entry.at, state: "waiting" });
    this.pump(entry.command.room);
  }

  discard(id: string): void {
    const entry = this.find(id);
    if (entry?.state === "failed" || entry?.state === "waiting") this.remove(id);
  }

  /** Changes the text of a post that the log may not have yet; false if there is no such post. */
  amend(id: string, text: string): boolean {
    const entry = this.find(id);
    if (entry?.command.action !== "post") return false;
    const amended = { ...entry, amended: text };
    // The server does not know a command that was never sent, or was refused.
    const unknown = entry.state === "waiting" || entry.state === "failed";
    this.replace(id, unknown ? rewritten(amended) : amended);
    if (entry.state === "acked" && entry.version !== undefined) this.follow(amended, entry.version);
    return true;
  }

  /** Sends the edit that waited for the version of its post. */
  private follow({ command, amended }: OutboxEntry, version: number): void {
    if (command.action !== "post" || amended === undefined || amended === command.text) return;
    this.add({ action: "edit", room: command.room, version, text: amended });
  }

  private mayBeQuiet({ command }: OutboxEntry, lane: readonly OutboxEntry[]): boolean {
    // The first send sets `since`. Only that send is quiet, whatever its result was.
    if (command.action !== "post" || typeof command.since === "number") return false;
    // Waiting commands would wait longer: a push takes longer than an ack.
    const waiting = lane.filter(({ state }) => state === "waiting");
    return waiting.length === 1 && this.hooks.quiet(command.room);
  }

  private stamped(command: Command): Command | null {
    if (command.action === "read" || typeof command.since === "number") return command;
    if (command.action === "create_room") return { ...command, since: 0 };
    const since = this.hooks.held(command.room);
    return since === null ? null : { ...command, since };
  }

  private find(id: string): OutboxEntry | undefined {
    return this.entries.find((entry) => entry.command.id === id);
  }

  private replace(id: string, entry: OutboxEntry): void {
    this.put(this.entries.map((old) => (old.command.id === id ? entry : old)));
  }

  private remove(id: string): void {
    this.put(this.entries.filter((entry) => entry.command.id !== id));
  }

  private put(entries: readonly OutboxEntry[]): void {
    this.entries = entries;
    this.hooks.save(
      entries.filter(({ command, state }) => command.action !== "read" && state !== "acked"),
    );
    this.hooks.changed(entries);
  }

  private stopTimer(id: string): void {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
  }
}

/** The post with its edited text, as if it had been written so. */
function rewritten({ amended, ...entry }: OutboxEntry): OutboxEntry {
  if (entry.command.action !== "post" || amended === undefined) return entry;
  return { ...entry, command: { ...entry.command, text: amended } };
}

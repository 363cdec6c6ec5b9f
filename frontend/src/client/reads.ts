/**
 * Sends the person's read marks to the server, at most every 5 s per room; a waiting mark is sent
 * when the person leaves the room.
 */
import { Throttle } from "./throttle";

const EVERY = 5_000;

export class ReadMarks {
  private readonly rooms = new Map<string, { marked: number; throttle: Throttle<number> }>();

  constructor(private readonly send: (room: string, version: number) => void) {}

  /** The person has seen the message at `version`. */
  saw(room: string, version: number): void {
    const entry = this.rooms.get(room) ?? {
      marked: 0,
      throttle: new Throttle<number>(EVERY, (newest) => {
        this.send(room, newest);
      }),
    };
    this.rooms.set(room, entry);
    if (version <= entry.marked) return;
    entry.marked = version;
    entry.throttle.push(version);
  }

  /** The person leaves the room: sends a waiting mark at once. */
  left(room: string): void {
    this.rooms.get(room)?.throttle.flush();
  }

  /** The version up to which the person has read; 0 if unknown. */
  readTo(room: string): number {
    return this.rooms.get(room)?.marked ?? 0;
  }

  stop(): void {
    for (const { throttle } of this.rooms.values()) throttle.stop();
    this.rooms.clear();
  }
}

/**
 * Tells the server how far the person has read, at most every 5 s a room; what is left to tell goes
 * out as the room is left.
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

  /** The room is left: tells at once what waits to be told. */
  left(room: string): void {
    this.rooms.get(room)?.throttle.flush();
  }

  /** How far the person is known to have read; 0 where nothing is known. */
  readTo(room: string): number {
    return this.rooms.get(room)?.marked ?? 0;
  }

  stop(): void {
    for (const { throttle } of this.rooms.values()) throttle.stop();
    this.rooms.clear();
  }
}

/**
 * The parts that a feature adds to the screens. A folder of `features/` registers them in
 * `index.tsx`, which `features/index.ts` finds; nothing else names it.
 */
import type { ComponentType } from "react";
import type { FoldedMessage } from "../fold/messages";
import type { Role } from "../fold/room";
import type { RoomState } from "../store/state";

export interface OfMessage {
  readonly room: RoomState["room"];
  readonly kind: RoomState["kind"];
  readonly message: FoldedMessage;
  readonly role: Role;
}

export interface OfRoom {
  readonly room: RoomState;
  /** Shows a message in the timeline. */
  readonly jump: (version: number) => void;
}

export interface Feature {
  /** Buttons above a message that has the pointer or the focus. */
  readonly MessageAction?: ComponentType<OfMessage>;
  /** A line under a message; null if there is nothing to show. */
  readonly MessageMark?: ComponentType<{ readonly message: FoldedMessage }>;
  /** A line below the room's name; null where there is nothing to say. */
  readonly HeaderLine?: ComponentType<{ readonly room: RoomState }>;
  /** A button in the room's header. */
  readonly HeaderAction?: ComponentType<OfRoom>;
}

const registered: Feature[] = [];

export function registerFeature(feature: Feature): void {
  registered.push(feature);
}

/** The parts of one kind that features registered. */
export function partsOf<Kind extends keyof Feature>(kind: Kind): NonNullable<Feature[Kind]>[] {
  return registered.flatMap((feature) => feature[kind] ?? []);
}

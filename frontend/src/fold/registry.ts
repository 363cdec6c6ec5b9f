/**
 * Functions that change messages, by the type of the event. The modules of concerns and features
 * register here; `room.ts` folds with them.
 */
import type { RoomEvent } from "../wire/room-event";
import type { FoldedMessage } from "./messages";

type EventOf<Type extends RoomEvent["type"]> = Extract<RoomEvent, { type: Type }>;
/** Types of events that refer to a message. */
type Changing = Extract<RoomEvent, { data: { message: number } }>["type"];
type Change<Type extends Changing> = (
  message: FoldedMessage,
  event: EventOf<Type>,
) => FoldedMessage;
type AnyChange = (message: FoldedMessage, event: RoomEvent) => FoldedMessage;

const changes = new Map<string, AnyChange[]>();

/** Registers a change for a type of event; it is applied after those registered before. */
export function changesMessage<Type extends Changing>(type: Type, change: Change<Type>): void {
  changes.set(type, [...(changes.get(type) ?? []), change as AnyChange]);
}

/** The message that an event refers to and its changes; undefined if it changes none. */
export function changeBy(
  event: RoomEvent,
): { version: number; change: (message: FoldedMessage) => FoldedMessage } | undefined {
  const found = changes.get(event.type);
  if (!found || !("message" in event.data)) return undefined;
  return {
    version: event.data.message,
    change: (message) => found.reduce((changed, one) => one(changed, event), message),
  };
}

/**
 * Functions that change messages and facts of the room, and the words of notices, by the type of the
 * event. The modules of concerns and features register here; `room.ts` folds with them.
 */
import type { RoomEvent } from "../wire/room-event";
import type { Snapshot } from "../wire/server";
import type { FoldedMessage } from "./messages";

/** Facts of a room besides its name, kind and members: as a snapshot has them, then folded. */
export type Facts = Readonly<NonNullable<Snapshot["facts"]>>;
type Fact<Name extends keyof Facts> = NonNullable<Facts[Name]>;

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

type FactFold = (facts: Facts, event: RoomEvent) => Facts;
const factFolds = new Map<string, FactFold[]>();

/**
 * Registers a change of a fact for a type of event; it is applied after those registered before.
 * The fact is undefined if the room does not have it yet.
 */
export function changesFact<Name extends keyof Facts, Type extends RoomEvent["type"]>(
  name: Name,
  type: Type,
  change: (fact: Fact<Name> | undefined, event: EventOf<Type>) => Fact<Name> | undefined,
): void {
  const fold: FactFold = (facts, event) => {
    const before = facts[name] ?? undefined;
    const after = change(before, event as EventOf<Type>);
    return after === before ? facts : { ...facts, [name]: after };
  };
  factFolds.set(type, [...(factFolds.get(type) ?? []), fold]);
}

/** The facts after an event; the same object if it changes none. */
export function factsAfter(facts: Facts, event: RoomEvent): Facts {
  const found = factFolds.get(event.type);
  return found ? found.reduce((changed, fold) => fold(changed, event), facts) : facts;
}

type Erased = ReadonlySet<string>;
const erasures: ((facts: Facts, erased: Erased) => Facts)[] = [];

/** Registers how a fact of an open room loses the words of erased people. */
export function forgetsInFact<Name extends keyof Facts>(
  name: Name,
  forget: (fact: Fact<Name>, erased: Erased) => Fact<Name>,
): void {
  erasures.push((facts, erased) => {
    const before = facts[name];
    return before == null ? facts : { ...facts, [name]: forget(before, erased) };
  });
}

export function factsWithoutWordsOf(facts: Facts, erased: Erased): Facts {
  return erasures.reduce((left, forget) => forget(left, erased), facts);
}

const notices = new Map<string, (event: RoomEvent) => string>();

/**
 * Registers the words of a notice for a type of event; they follow the name of the person who did
 * it. They must not contain a text that a person wrote, because notices stay when the person is
 * erased.
 */
export function showsNotice<Type extends RoomEvent["type"]>(
  type: Type,
  words: (event: EventOf<Type>) => string,
): void {
  notices.set(type, words as (event: RoomEvent) => string);
}

/** The words of an event's notice; undefined if none are registered. */
export function noticeWords(event: RoomEvent): string | undefined {
  return notices.get(event.type)?.(event);
}

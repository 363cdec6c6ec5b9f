import { ApiError } from "./api";
import type { Command } from "./outbox";

/** Message for a read that failed and is retried automatically. */
export function readingProblem(error: unknown): string {
  return error instanceof ApiError && error.code === "rate_limited"
    ? "That was a lot at once. It continues in a moment."
    : "The rooms did not load. Parley tries again.";
}

/** The message for each wire code. */
const OF_CODE: Readonly<Record<string, string>> = {
  invalid: "That did not work. Reload the page, then try again.",
  unauthenticated: "Your session has ended. Enter again.",
  forbidden: "You are not allowed to do that.",
  not_found: "That is not there any more.",
  not_a_member: "Join the room first.",
  rate_limited: "That was a lot at once. Wait a moment, then try again.",
  room_busy: "The room is very busy right now. Try again.",
  room_exists: "There is already a room with this address.",
  room_full: "The room is full.",
  nickname_taken: "This nickname is already in use.",
  too_large: "A message can have at most 4,000 characters.",
  // The outbox's own: what a closed tab left.
  late: "It waited for more than a day.",
};

/** The same where the code says too little, by the server's words (domain/errors.py). */
const OF_WORDS: Readonly<Record<string, string>> = {
  "the message was deleted": "That message was deleted.",
  "a message can have at most 32 distinct emoji": "This message cannot have another emoji.",
  "a message can have at most 400 reactions": "This message cannot have another reaction.",
  "leave the room instead": "That is you. Leave the room instead.",
  "only the writer of a message may do that": "Only its writer can do that.",
  "your role in this room does not allow that": "Only owners and moderators can do that here.",
  "name another owner first": "The room needs an owner. Make somebody else an owner first.",
  "guests are not allowed here: sign in": "Guests cannot enter here. Sign in instead.",
  "confirm your e-mail address first, then sign in again":
    "Confirm your e-mail address first, then sign in again.",
  "no such room": "There is no such room, or you are not in it.",
  "no such message": "That message is not there any more.",
  "no such member": "They are not in the room any more.",
  "no such person": "There is nobody with this id.",
};

/** The message for a refusal: never the server's own words, which are for programs. */
export function messageOf(code: string, message: string): string {
  // Not the server's: api.ts says what it met.
  if (code === "network") return message;
  const pins = /^a room has at most (\d+) pinned messages$/u.exec(message)?.[1];
  if (pins !== undefined) return `A room can have ${pins} pinned messages. Unpin one first.`;
  return OF_WORDS[message] ?? OF_CODE[code] ?? "Something went wrong on the server. Try again.";
}

/** Message for a refused command; `nameOf` names the person it concerns. */
export function refusalOf(
  command: Command,
  code: string,
  message: string,
  nameOf: (user: string) => string,
): string {
  if (code === "forbidden") {
    if (command.action === "add_member" && message.startsWith("they may not be invited")) {
      const until = new Date(/before (\S+)$/u.exec(message)?.[1] ?? "");
      return Number.isNaN(until.getTime())
        ? `${nameOf(command.user)} cannot be invited by you now. Try again in some days.`
        : `${nameOf(command.user)} cannot be invited again before ${dayOf(until)}.`;
    }
  }
  if (code === "invalid" && command.action === "create_room") {
    return "This name or address cannot be used. Choose another one.";
  }
  return messageOf(code, message);
}

function dayOf(time: Date): string {
  return time.toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
}

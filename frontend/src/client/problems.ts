import { ApiError } from "./api";
import type { Command } from "./outbox";

/** Message for a read that failed and is retried automatically. */
export function readingProblem(error: unknown): string {
  return error instanceof ApiError && error.code === "rate_limited"
    ? "That was a lot at once. It goes on in a moment."
    : "The rooms did not load. Parley tries again.";
}

/** What a person is told for a wire code; the server's words where they say more. */
export function messageOf(code: string, message: string): string {
  switch (code) {
    case "rate_limited":
      return "That was a lot at once. Wait a moment, then try again.";
    case "room_busy":
      return "The room is very busy right now. Try again.";
    case "room_exists":
      return "A room with this address is there already.";
    case "nickname_taken":
      return "Somebody is using this nickname already.";
    case "not_a_member":
      return "Join the room first.";
    case "too_large":
      return "A message can have at most 4,000 characters.";
    case "internal":
      return "Something went wrong on the server. Try again.";
    default:
      return message;
  }
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
    if (message === "name another owner first") {
      return "The room needs an owner. Make somebody else an owner first.";
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

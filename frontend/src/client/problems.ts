import { ApiError } from "./api";

/** What a person is told of a reading that failed and is tried again by itself. */
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

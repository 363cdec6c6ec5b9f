/** Notices in words, those of a kind taken together: "ada, bo and 3 others joined". */
import type { Notice } from "../../fold/notices";

export function describeNotices(
  notices: readonly Notice[],
  nameOf: (id: string) => string,
): string {
  const came = new Set<string>();
  const went = new Set<string>();
  const removed = new Set<string>();
  const invited = new Set<string>();
  const declined = new Set<string>();
  const sentences: string[] = [];
  for (const notice of notices) {
    switch (notice.type) {
      case "created":
        sentences.push(`${nameOf(notice.by)} created the room`);
        break;
      case "joined":
        came.add(notice.user);
        break;
      case "left":
        went.add(notice.user);
        break;
      case "removed":
        removed.add(notice.user);
        break;
      case "invited":
        invited.add(notice.user);
        break;
      case "declined":
        declined.add(notice.user);
        break;
      case "withdrawn":
        sentences.push(`the invitation of ${nameOf(notice.user)} was withdrawn`);
        break;
      case "renamed":
        sentences.push(`${nameOf(notice.user)} has a new name`);
        break;
      case "role":
        sentences.push(`${nameOf(notice.user)} is now ${articled(notice.role)}`);
        break;
    }
  }
  if (invited.size > 0) {
    sentences.push(
      `${list([...invited].map(nameOf))} ${invited.size === 1 ? "was" : "were"} invited`,
    );
  }
  if (declined.size > 0) sentences.push(`${list([...declined].map(nameOf))} declined`);
  if (came.size > 0) sentences.push(`${list([...came].map(nameOf))} joined`);
  if (went.size > 0) sentences.push(`${list([...went].map(nameOf))} left`);
  if (removed.size > 0) {
    sentences.push(
      `${list([...removed].map(nameOf))} ${removed.size === 1 ? "was" : "were"} removed`,
    );
  }
  return sentences.join(" · ");
}

function articled(role: string): string {
  return role === "owner" ? "an owner" : `a ${role}`;
}

function list(names: readonly string[]): string {
  const [first = "", second = ""] = names;
  if (names.length === 1) return first;
  if (names.length === 2) return `${first} and ${second}`;
  const others = names.length - 2;
  return `${first}, ${second} and ${others} ${others === 1 ? "other" : "others"}`;
}

/** Notices in words, with notices of one kind combined: "ada, bo and 3 others joined". */
import type { Notice } from "../../fold/notices";

/** The words after people's names: for one person, for several. */
const said = {
  invited: ["was invited", "were invited"],
  declined: ["declined", "declined"],
  withdrawn: ["is not invited any more", "are not invited any more"],
  joined: ["joined", "joined"],
  left: ["left", "left"],
  removed: ["was removed", "were removed"],
} as const;

type Grouped = keyof typeof said;

/** Each kind is at the position of its first notice. */
export function describeNotices(
  notices: readonly Notice[],
  nameOf: (id: string) => string,
): string {
  const groups = new Map<Grouped, Set<string>>();
  const sentences: (() => string)[] = [];
  const done = new Set<string>();
  for (const notice of notices) {
    switch (notice.type) {
      case "created":
        sentences.push(() => `${nameOf(notice.by)} created the room`);
        break;
      case "renamed":
        sentences.push(() => `${nameOf(notice.user)} has a new name`);
        break;
      case "role":
        sentences.push(() => `${nameOf(notice.user)} is now ${articled(notice.role)}`);
        break;
      case "did": {
        const sentence = `${nameOf(notice.by)} ${notice.words}`;
        if (!done.has(sentence)) sentences.push(() => sentence);
        done.add(sentence);
        break;
      }
      default: {
        const { type, user } = notice;
        const users = groups.get(type) ?? new Set<string>();
        if (users.size === 0) sentences.push(() => sentenceOf(type, [...users].map(nameOf)));
        groups.set(type, users.add(user));
      }
    }
  }
  return sentences.map((words) => words()).join(" · ");
}

function sentenceOf(type: Grouped, names: readonly string[]): string {
  return `${list(names)} ${said[type][names.length === 1 ? 0 : 1]}`;
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

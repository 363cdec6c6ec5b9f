/** Reactions to messages. */
import type { FoldedMessage } from "./messages";
import { changesMessage } from "./registry";

export function withReaction(message: FoldedMessage, emoji: string, by: string): FoldedMessage {
  const people = message.reactions[emoji] ?? [];
  if (people.includes(by)) return message;
  return { ...message, reactions: { ...message.reactions, [emoji]: [...people, by] } };
}

export function withoutReaction(message: FoldedMessage, emoji: string, by: string): FoldedMessage {
  const { [emoji]: people = [], ...others } = message.reactions;
  if (!people.includes(by)) return message;
  const left = people.filter((person) => person !== by);
  return {
    ...message,
    reactions: left.length === 0 ? others : { ...message.reactions, [emoji]: left },
  };
}

changesMessage("ReactionAdded", (message, { data, by }) => withReaction(message, data.emoji, by));
changesMessage("ReactionRemoved", (message, { data, by }) =>
  withoutReaction(message, data.emoji, by),
);

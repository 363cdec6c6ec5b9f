/** A small choice of reactions, by name. */
export const EMOJI: readonly (readonly [emoji: string, name: string])[] = [
  ["👍", "thumbs up"],
  ["❤️", "heart"],
  ["😂", "tears of joy"],
  ["🎉", "party"],
  ["👀", "eyes"],
  ["🙏", "thanks"],
  ["✅", "done"],
  ["🚀", "rocket"],
  ["👎", "thumbs down"],
  ["👏", "applause"],
  ["🙌", "raised hands"],
  ["🤝", "handshake"],
  ["💪", "strong"],
  ["👋", "wave"],
  ["🤞", "fingers crossed"],
  ["✌️", "peace"],
  ["😀", "grin"],
  ["😊", "smile"],
  ["😍", "in love"],
  ["🤔", "thinking"],
  ["😅", "relieved"],
  ["😎", "cool"],
  ["😮", "surprised"],
  ["😢", "crying"],
  ["😡", "angry"],
  ["🥳", "celebrating"],
  ["🤯", "mind blown"],
  ["🙈", "see no evil"],
  ["🔥", "fire"],
  ["⭐", "star"],
  ["💡", "idea"],
  ["💯", "hundred"],
  ["⚡", "lightning"],
  ["☕", "coffee"],
  ["🍰", "cake"],
  ["🌱", "seedling"],
  ["🐛", "bug"],
  ["🔒", "lock"],
  ["❓", "question"],
  ["❌", "cross"],
];

export const QUICK: readonly string[] = ["👍", "❤️", "😂"];

export function emojiName(emoji: string): string {
  return EMOJI.find(([symbol]) => symbol === emoji)?.[1] ?? emoji;
}

/** Letters that Unicode does not decompose into a plain one and a mark; as domain/matching.py. */
const PLAIN: Readonly<Record<string, string>> = {
  ø: "o",
  ł: "l",
  đ: "d",
  ħ: "h",
  ı: "i",
  æ: "ae",
  œ: "oe",
  ß: "ss",
};

/** A text without case and accents. */
export function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[øłđħıæœß]/gu, (letter) => PLAIN[letter] ?? letter);
}

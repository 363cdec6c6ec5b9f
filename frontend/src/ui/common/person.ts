/** A person's hue and initials, always the same for the same id. */
const HUES = [22, 48, 78, 112, 145, 172, 200, 228, 258, 288, 318, 348];

export function hueOf(id: string): number {
  let hash = 7;
  for (const char of id) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
  // The low bits of a short id differ little; fold the high ones in.
  return HUES[((hash ^ (hash >>> 15)) >>> 0) % HUES.length] ?? 172;
}

/** CSS variables for the `person-*` utilities. */
export function hueStyle(id: string): Record<"--hue", number> {
  return { "--hue": hueOf(id) };
}

export function nameOf(people: ReadonlyMap<string, string | null>, id: string): string {
  const name = people.get(id);
  if (name === null) return "Erased person";
  return name ?? `Guest ${id.slice(-4)}`;
}

export function initialsOf(name: string): string {
  const words = name.split(/[\s_\-.|[\]{}^`]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => /[\p{L}\p{N}]/u.exec(word)?.[0] ?? "");
  return letters.join("").toLocaleUpperCase() || "?";
}

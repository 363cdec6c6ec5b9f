import { plain } from "../../client/plain";

/** The suggested room id for a name: letters without accents, digits and hyphens. */
export function roomIdOf(name: string, toLatin = (text: string) => text): string {
  return plain(toLatin(plain(name)))
    .replace(/[^a-z0-9]+/gu, "-")
    .replace(/^-+|-+$/gu, "")
    .slice(0, 64);
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const RANDOM = 12;

/** A room id for a name that suggests none, as one in Chinese; `end` is random. */
export function anyRoomId(end: string): string {
  return `room-${end.slice(0, 6)}`;
}

/** A random end for the id of a private room, so that nobody can guess it (docs/protocol.md). */
export function secretEnd(): string {
  // 256 is a multiple of 32, so each character is as likely as another.
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM));
  return [...bytes].map((byte) => BASE32[byte % BASE32.length]).join("");
}

/** The id of a private room, from the suggested `id`. */
export function privateRoomId(id: string, end: string): string {
  return id === "" ? end : `${id.slice(0, 63 - end.length).replace(/-+$/u, "")}-${end}`;
}

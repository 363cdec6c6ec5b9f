/** Notices between the messages: people who joined, left, were renamed or got another role. */
import type { RoomEvent } from "../wire/room-event";
import { noticeWords } from "./registry";
import type { Role } from "./room";

interface NoticeBase {
  readonly version: number;
  readonly at: string;
  readonly by: string;
}

type NoticeOfPerson = "joined" | "left" | "removed" | "invited" | "declined" | "withdrawn";

export type Notice = NoticeBase &
  (
    | { readonly type: "created" }
    | { readonly type: NoticeOfPerson; readonly user: string }
    | { readonly type: "renamed"; readonly user: string; readonly name: string | null }
    | { readonly type: "role"; readonly user: string; readonly role: Role }
    /** What a feature says after the name of `by`. */
    | { readonly type: "did"; readonly words: string }
  );

export function noticeOf(event: RoomEvent): Notice | null {
  const base = { version: event.version, at: event.at, by: event.by };
  switch (event.type) {
    case "RoomCreated":
      return { ...base, type: "created" };
    case "MemberJoined":
      return { ...base, type: "joined", user: event.data.user };
    case "MemberLeft":
      return {
        ...base,
        type: event.data.reason === "removed" ? "removed" : "left",
        user: event.data.user,
      };
    case "MemberInvited":
      return { ...base, type: "invited", user: event.data.user };
    case "InvitationDeclined":
      return {
        ...base,
        type: event.by === event.data.user ? "declined" : "withdrawn",
        user: event.data.user,
      };
    case "MemberRenamed":
      return { ...base, type: "renamed", user: event.data.user, name: event.data.name };
    case "RoleChanged":
      return { ...base, type: "role", user: event.data.user, role: event.data.role };
    default: {
      const words = noticeWords(event);
      return words === undefined ? null : { ...base, type: "did", words };
    }
  }
}

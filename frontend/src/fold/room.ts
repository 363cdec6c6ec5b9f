/**
 * The view of a room, folded from its events. Pure: the same events give the same view here and in
 * Python; tests/golden/folds tests both.
 */
import type { Message } from "../wire/http";
import type { RoomEvent } from "../wire/room-event";
import { noticeOf, type Notice } from "./notices";
import { indexOf, type FoldedMessage } from "./messages";
import { changeBy, factsAfter, type Facts } from "./registry";
import "./reactions";
import "./texts";

export type Role = "owner" | "moderator" | "member";
export type RoomKind = "public" | "private" | "broadcast";

/**
 * A room at `version`.
 *
 * `members` has the known members: all of them if `membersComplete`, otherwise only those that
 * joined or changed since the snapshot; `memberCount` is right in both cases. `invited` has the
 * pending invitations, as completely as `members`. `messages` are sorted by version; messages
 * between two of them may not be loaded (see history.ts).
 */
export interface RoomView {
  readonly version: number;
  readonly name: string | null;
  readonly kind: RoomKind;
  readonly members: ReadonlyMap<string, Role>;
  readonly membersComplete: boolean;
  readonly memberCount: number;
  readonly invited: ReadonlyMap<string, Role>;
  readonly messages: readonly FoldedMessage[];
  readonly notices: readonly Notice[];
  readonly facts: Facts;
}

export interface Folded {
  readonly view: RoomView;
  /** True when an event was ahead of the view; it and those after it were not applied. */
  readonly gap: boolean;
}

/** Maximum of joins and leaves to keep; more are not useful to a reader. */
const MAX_NOTICES = 500;

export const emptyRoom: RoomView = {
  version: 0,
  name: null,
  kind: "public",
  members: new Map(),
  membersComplete: true,
  memberCount: 0,
  invited: new Map(),
  messages: [],
  notices: [],
  facts: {},
};

type Draft = { -readonly [Key in keyof RoomView]: RoomView[Key] } & {
  messages: FoldedMessage[];
  members: Map<string, Role>;
  invited: Map<string, Role>;
  notices: Notice[];
};

/** Applies version + 1 only: lower ones are dropped, a higher one is a gap. */
export function foldRoom(view: RoomView, events: readonly RoomEvent[]): Folded {
  const news = events.filter((event) => event.version > view.version);
  if (news.length === 0) return { view, gap: false };

  // One copy per batch, not one per event: a busy room pushes thousands a second.
  const draft: Draft = {
    ...view,
    messages: [...view.messages],
    members: new Map(view.members),
    invited: new Map(view.invited),
    notices: [...view.notices],
  };
  let gap = false;
  for (const event of news) {
    if (event.version <= draft.version) continue;
    if (event.version > draft.version + 1) {
      gap = true;
      break;
    }
    applyEvent(draft, event);
    draft.version = event.version;
  }
  if (draft.notices.length > MAX_NOTICES) draft.notices = draft.notices.slice(-MAX_NOTICES);
  return { view: draft, gap };
}

/** Folds the changes of events into a list of messages; ignores messages that it lacks. */
export function applyToMessages(messages: FoldedMessage[], event: RoomEvent): void {
  const found = changeBy(event);
  if (!found) return;
  const index = indexOf(messages, found.version);
  const message = messages[index];
  if (message) messages[index] = found.change(message);
}

/** A message of the wire, with every optional field filled. */
export function completeMessage(message: Message): FoldedMessage {
  return {
    ...message,
    id: message.id ?? null,
    reply_to: message.reply_to ?? null,
    edited_at: message.edited_at ?? null,
    deleted: message.deleted ?? false,
    reactions: message.reactions ?? {},
  };
}

function applyEvent(draft: Draft, event: RoomEvent): void {
  const notice = noticeOf(event);
  if (notice) draft.notices.push(notice);
  draft.facts = factsAfter(draft.facts, event);
  switch (event.type) {
    case "RoomCreated":
      draft.name = event.data.name;
      draft.kind = event.data.kind;
      break;
    case "MemberJoined":
      if (!draft.members.has(event.data.user)) draft.memberCount += 1;
      draft.members.set(event.data.user, event.data.role);
      draft.invited.delete(event.data.user);
      break;
    case "MemberInvited":
      draft.invited.set(event.data.user, event.data.role);
      break;
    case "InvitationDeclined":
      draft.invited.delete(event.data.user);
      break;
    case "MemberLeft":
      if (draft.members.delete(event.data.user) || !draft.membersComplete) draft.memberCount -= 1;
      break;
    case "RoleChanged":
      draft.members.set(event.data.user, event.data.role);
      break;
    case "MessagePosted":
      draft.messages.push({
        version: event.version,
        id: event.id ?? null,
        by: event.by,
        at: event.at,
        text: event.data.text,
        kind: event.data.kind,
        n: event.data.n,
        reply_to: event.data.reply_to ?? null,
        edited_at: null,
        deleted: false,
        reactions: {},
      });
      break;
    case "MemberRenamed":
      break;
    default:
      applyToMessages(draft.messages, event);
  }
}

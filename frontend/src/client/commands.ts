/** The person's actions in rooms: each becomes a command of the outbox. */
import type { Role, RoomKind } from "../fold/room";
import { ownPost } from "../store/pending";
import type { State } from "../store/state";
import type { Store } from "../store/store";
import type { Command, NewCommand, Outbox } from "./outbox";
import { refusalOf } from "./problems";
import type { Toasts } from "./toasts";

type Answer = (problem: string | null) => void;

export class Commands {
  /** Callers that wait for the answer to a command, by its id. */
  private readonly waiting = new Map<string, Answer>();

  constructor(
    private readonly outbox: () => Outbox,
    private readonly store: Store<State>,
    private readonly toasts: Toasts,
  ) {}

  post(room: string, text: string, kind: "text" | "action", replyTo: number | null): void {
    this.submit({
      action: "post",
      room,
      text,
      ...(kind === "text" ? {} : { kind }),
      ...(replyTo === null ? {} : { reply_to: replyTo }),
    });
  }

  edit(room: string, version: number, text: string): void {
    this.submit({ action: "edit", room, version, text });
  }

  /** Edits the post of the command with this id, which may not be in the log yet. */
  editPost(room: string, id: string, text: string): void {
    const { me, rooms } = this.store.get();
    const logged = ownPost(rooms.get(room)?.open?.view.messages ?? [], id, me.id);
    if (logged) this.edit(room, logged.version, text);
    else this.outbox().amend(id, text);
    this.store.flush();
  }

  remove(room: string, version: number): void {
    this.submit({ action: "delete", room, version });
  }

  react(room: string, version: number, emoji: string, on: boolean): void {
    this.submit({ action: on ? "react" : "unreact", room, version, emoji });
  }

  /** This and the following methods return null on success, or the server's refusal. */
  createRoom(room: string, name: string, kind: RoomKind): Promise<string | null> {
    return this.ask({ action: "create_room", room, name, kind });
  }

  join(room: string): Promise<string | null> {
    return this.ask({ action: "join", room });
  }

  /** Accepts or declines an invitation, whose event has `version`. */
  answer(room: string, version: number, accepted: boolean): Promise<string | null> {
    return this.ask({ action: accepted ? "join" : "decline", room }, version);
  }

  leave(room: string): Promise<string | null> {
    return this.ask({ action: "leave", room });
  }

  addMember(room: string, user: string): Promise<string | null> {
    return this.ask({ action: "add_member", room, user });
  }

  removeMember(room: string, user: string): Promise<string | null> {
    return this.ask({ action: "remove_member", room, user });
  }

  setRole(room: string, user: string, role: Role): Promise<string | null> {
    return this.ask({ action: "set_role", room, user, role });
  }

  /** Sends a refused message again, with the same id. */
  retry(id: string): void {
    this.outbox().retry(id);
    this.store.flush();
  }

  discard(id: string): void {
    this.outbox().discard(id);
    this.store.flush();
  }

  acked(command: Command): void {
    this.waiting.get(command.id)?.(null);
    this.waiting.delete(command.id);
  }

  /** `kept` if the timeline shows the refused command, with buttons to retry or discard it. */
  refused(command: Command, code: string, message: string, kept: boolean): void {
    const answer = this.waiting.get(command.id);
    this.waiting.delete(command.id);
    const { people } = this.store.get();
    const words = refusalOf(command, code, message, (user) => people.get(user) ?? user);
    if (answer) answer(words);
    else if (!kept && command.action !== "read") this.toasts.show(words);
  }

  /** Sends a command without waiting for its answer; a refusal is shown. */
  submit(command: NewCommand, since?: number): string {
    const id = this.outbox().add(command, since);
    this.store.flush();
    return id;
  }

  /** Sends a command; returns null on success, or the server's refusal. */
  ask(command: NewCommand, since?: number): Promise<string | null> {
    if (this.store.get().connection !== "online") {
      return Promise.resolve("You are offline. Try again once the connection is back.");
    }
    return new Promise((resolve) => {
      this.waiting.set(this.submit(command, since), resolve);
    });
  }
}

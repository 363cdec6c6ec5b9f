/** State that survives a reload. Storage may be full or forbidden; then nothing does. */
import type { OutboxEntry } from "./outbox";
import type { Me } from "../store/state";

export interface Session {
  readonly token: string;
  readonly user: Me;
  /** Set if the person used the hosted sign-in, which then has its own session. */
  readonly hosted?: true;
}

/** A sign-in that started in this tab. */
export interface Attempt {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly nickname: string;
  /** The address's hash, to return to. */
  readonly back: string;
}

const SESSION = "parley.session";
const ATTEMPT = "parley.sign-in";

export function loadSession(): Session | null {
  return read(localStorage, SESSION) as Session | null;
}

export function saveSession(session: Session): void {
  write(localStorage, SESSION, session);
}

/** Deletes the person's data on this device: the token, and unsent texts. */
export function clearSession(user: string): void {
  localStorage.removeItem(SESSION);
  sessionStorage.removeItem(outboxKey(user));
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(unfinishedKey(user, ""))) sessionStorage.removeItem(key);
  }
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(draftKey(user, ""))) localStorage.removeItem(key);
  }
}

/** Returns whether it will be available when the person comes back. */
export function keepAttempt(attempt: Attempt): boolean {
  return write(sessionStorage, ATTEMPT, attempt);
}

/** An attempt is valid for one answer. */
export function takeAttempt(): Attempt | null {
  const attempt = read(sessionStorage, ATTEMPT) as Attempt | null;
  if (attempt) sessionStorage.removeItem(ATTEMPT);
  return attempt;
}

/** The outbox belongs to the tab: two tabs must not show and send each other's messages. */
export function loadOutbox(user: string): readonly OutboxEntry[] {
  return (read(sessionStorage, outboxKey(user)) as OutboxEntry[] | null) ?? [];
}

export function saveOutbox(user: string, entries: readonly OutboxEntry[]): void {
  if (entries.length === 0) sessionStorage.removeItem(outboxKey(user));
  else write(sessionStorage, outboxKey(user), entries);
}

export function loadDraft(user: string, room: string): string {
  return (read(localStorage, draftKey(user, room)) as string | null) ?? "";
}

export function saveDraft(user: string, room: string, text: string): void {
  if (text === "") localStorage.removeItem(draftKey(user, room));
  else write(localStorage, draftKey(user, room), text);
}

/** A started edit or reply in a room also belongs to the tab. */
export function loadUnfinished(user: string, room: string): unknown {
  return read(sessionStorage, unfinishedKey(user, room));
}

export function saveUnfinished(user: string, room: string, unfinished: unknown): void {
  if (unfinished === null) sessionStorage.removeItem(unfinishedKey(user, room));
  else write(sessionStorage, unfinishedKey(user, room), unfinished);
}

function unfinishedKey(user: string, room: string): string {
  return `parley.unfinished.${user}.${room}`;
}

function outboxKey(user: string): string {
  return `parley.outbox.${user}`;
}

function draftKey(user: string, room: string): string {
  return `parley.draft.${user}.${room}`;
}

function read(storage: Storage, key: string): unknown {
  try {
    const text = storage.getItem(key);
    return text === null ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}

function write(storage: Storage, key: string, value: unknown): boolean {
  try {
    storage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    // Full: the session continues, but does not survive the tab.
    return false;
  }
}

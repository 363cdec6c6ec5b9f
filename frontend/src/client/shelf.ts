/**
 * What tabs of this browser have not sent, in IndexedDB, where it outlives its tab. The rest of
 * the app knows two small interfaces; nothing here throws where a browser has neither.
 */
import type { OutboxEntry } from "./outbox";

export interface Kept {
  readonly tab: string;
  readonly user: string;
  readonly entries: readonly OutboxEntry[];
}

export interface Shelf {
  all(): Promise<readonly Kept[]>;
  put(kept: Kept): Promise<void>;
  remove(tabs: readonly string[]): Promise<void>;
}

/** Which tabs are there. */
export interface Tabs {
  /** Says that a tab is there until the answer is called, or its page is gone. */
  begin(tab: string): () => void;
  gone(tab: string): Promise<boolean>;
  /** Does something that one tab at a time may do. */
  alone(work: () => Promise<void>): Promise<void>;
}

const STORE = "outbox";

class DatabaseShelf implements Shelf {
  private opened: Promise<IDBDatabase> | null = null;

  async all(): Promise<readonly Kept[]> {
    return (await this.run("readonly", (store) => store.getAll())) as Kept[];
  }

  async put(kept: Kept): Promise<void> {
    await this.run("readwrite", (store) => store.put(kept));
  }

  async remove(tabs: readonly string[]): Promise<void> {
    for (const tab of tabs) await this.run("readwrite", (store) => store.delete(tab));
  }

  private async run<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    try {
      return await this.once(mode, work);
    } catch {
      // iOS closes connections of pages that were in the background.
      this.opened = null;
      return this.once(mode, work);
    }
  }

  private async once<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    this.opened ??= opened();
    const transaction = (await this.opened).transaction(STORE, mode);
    return new Promise((resolve, reject) => {
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => {
        resolve(request.result);
      };
      transaction.onabort = transaction.onerror = () => {
        reject(transaction.error ?? new DOMException("aborted", "AbortError"));
      };
    });
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("parley", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: "tab" });
    };
    request.onsuccess = () => {
      // A later version of the app in another tab is not to wait for this one.
      request.result.onversionchange = () => {
        request.result.close();
      };
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new DOMException("not opened", "UnknownError"));
    };
  });
}

class LockedTabs implements Tabs {
  begin(tab: string): () => void {
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    void navigator.locks.request(nameOf(tab), () => held).catch(() => undefined);
    return end;
  }

  gone(tab: string): Promise<boolean> {
    return navigator.locks.request(nameOf(tab), { ifAvailable: true }, (lock) => lock !== null);
  }

  alone(work: () => Promise<void>): Promise<void> {
    return navigator.locks.request("parley.adopt", work);
  }
}

function nameOf(tab: string): string {
  return `parley.tab.${tab}`;
}

/** Null where the browser cannot tell which tabs are there: http without TLS has no locks. */
export function sharedShelf(): { readonly shelf: Shelf; readonly tabs: Tabs } | null {
  if (typeof indexedDB === "undefined" || !("locks" in navigator)) return null;
  return { shelf: new DatabaseShelf(), tabs: new LockedTabs() };
}

/** Forgets what a person had not sent, in whichever tab. */
export async function forgetKept(user: string, shelf = sharedShelf()?.shelf): Promise<void> {
  try {
    const theirs = ((await shelf?.all()) ?? []).filter((kept) => kept.user === user);
    await shelf?.remove(theirs.map(({ tab }) => tab));
  } catch {
    // No storage: then nothing was kept.
  }
}

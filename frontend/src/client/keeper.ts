/**
 * Keeps a tab's outbox where it outlives the tab, and takes over what tabs that are gone left. Two
 * tabs may come to send the same command, after a crash in between: its id makes that one.
 */
import type { OutboxEntry } from "./outbox";
import type { Kept, Shelf, Tabs } from "./shelf";

export class Keeper {
  private readonly end: () => void;
  private wanted: readonly OutboxEntry[] | null = null;
  private saving: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly user: string,
    private readonly tab: string,
    private readonly shelf: Shelf,
    private readonly tabs: Tabs,
  ) {
    this.end = tabs.begin(tab);
  }

  /** Keeps the entries in place of those before; the latest win where a write takes long. */
  save(entries: readonly OutboxEntry[]): void {
    if (this.stopped) return;
    this.wanted = entries;
    this.saving ??= this.write().finally(() => {
      this.saving = null;
    });
  }

  /** Hands on what tabs of this person that are gone had not sent. */
  async adopt(take: (entries: readonly OutboxEntry[]) => void): Promise<void> {
    if (this.stopped) return;
    try {
      await this.tabs.alone(async () => {
        const left: Kept[] = [];
        for (const kept of await this.shelf.all()) {
          const other = kept.user === this.user && kept.tab !== this.tab;
          if (other && (await this.tabs.gone(kept.tab))) left.push(kept);
        }
        if (left.length === 0 || this.isStopped()) return;
        take(left.flatMap(({ entries }) => entries));
        // Not before it is kept as this tab's: twice is harmless, and lost is not.
        await this.saving;
        await this.shelf.remove(left.map(({ tab }) => tab));
      });
    } catch {
      // Storage that cannot be read keeps nothing; the tab's own outbox goes on.
    }
  }

  stop(): void {
    this.stopped = true;
    this.end();
  }

  private async write(): Promise<void> {
    while (this.wanted !== null) {
      const entries = this.wanted;
      this.wanted = null;
      try {
        if (entries.length === 0) await this.shelf.remove([this.tab]);
        else await this.shelf.put({ tab: this.tab, user: this.user, entries });
      } catch {
        // Full or forbidden: the outbox lives as long as its tab then.
      }
    }
  }

  /** Somebody may have stopped it while something was awaited. */
  private isStopped(): boolean {
    return this.stopped;
  }
}

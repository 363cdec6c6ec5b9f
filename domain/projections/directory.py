"""The public directory's search: an index of the words in the names and ids of open rooms.

| stream | key | under |
|---|---|---|
| `R#room` | `w#prefix`, from a word of the name | `w#prefix` |
| `R#room` | `x#prefix`, from a word of the id | `w#prefix` |
| `R#room` | `z#creator` | `z#creator` |

A prefix of up to PREFIX letters is stored blinded under the installation's key: names are sealed
under their creator's key, and an index in plain words would keep them after that key is destroyed
(docs/adr/0020-the-directory-indexes-blinded-prefixes.md).
"""

from collections.abc import Iterator, Sequence

from domain.ports.vault import Vault
from domain.projections.prefixes import common, looked_up, prefixes_of
from domain.projections.projection import Batch, Projection
from domain.projections.rows import OPEN, OPEN_KINDS, room_stream
from domain.projections.store import Fold, Patch, ViewStore
from domain.room.lifecycle import RoomCreated

MOST = 250
"""Maximum of rows per room. A name has 80 letters, of which at most 180 prefixes are indexed in
scripts without spaces; an id has 64, with at most 64 prefixes in practice."""

NAME, ID, CREATOR = "w#", "x#", "z#"


class Directory(Projection):
    name = "directory"
    version = 2
    types = (RoomCreated,)

    def fold(self, batch: Batch) -> Fold:
        patches: list[Patch] = []
        for event in batch.events:
            if isinstance(event, RoomCreated) and event.kind in OPEN_KINDS:
                vault = self.given.vault
                ids = prefixes_of(batch.log_id)
                words = [_row(vault, ID, prefix) for prefix in ids]
                # A prefix that the id has too is stored once, and stays when the name is gone.
                names = [one for one in prefixes_of(vault.open(event.name) or "") if one not in ids]
                words += [_row(vault, NAME, prefix) for prefix in names]
                creator = f"{CREATOR}{event.by}"
                patches = [*words[:MOST], Patch(creator, {}, under=creator)]
        return Fold(batch.base, patches=patches)

    def erase(self, user: str) -> None:
        """Drops the words of the names that the person gave; ids stay, because they are public."""
        # A late fold must not open a name with a key that this process still caches.
        self.given.vault.forget(user)
        store = self.given.views.store
        for stream in store.under(f"{CREATOR}{user}"):
            store.drop(stream, NAME, f"{NAME}~")


def search(
    store: ViewStore, vault: Vault, words: Sequence[str], after: str, chunk: int
) -> Iterator[tuple[list[str], str | None]]:
    """Yields open rooms above `after` that may have all the words, in order, page by page; each
    page with the room up to which it searched, None at the end. Without words it yields all open
    rooms.

    A page reads at most `chunk` entries of the index per word.
    """
    names = [_under(vault, prefix) for prefix in looked_up(words)] or [OPEN]
    for streams, place in common(store, names, room_stream(after) if after else "", chunk):
        yield [stream[2:] for stream in streams], place[2:] if place else None


def _under(vault: Vault, prefix: str) -> str:
    return f"{NAME}{vault.blind(f'directory {prefix}')}"


def _row(vault: Vault, kind: str, prefix: str) -> Patch:
    name = _under(vault, prefix)
    return Patch(f"{kind}{name.removeprefix(NAME)}", {}, under=name)

"""The search for people: an index of the words in their names.

| stream | key | document | under |
|---|---|---|---|
| `P#user` | `name` | `{name}`, sealed | |
| `P#user` | `n#prefix`, from a word of the name | | `n#prefix` |

Beginnings of words are blinded (domain/projections/prefixes.py). All rows are deleted with the
person: erasing drops them, and a later fold of their log cannot open the name, so it creates none.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domain.person.lifecycle import PersonErased, PersonRegistered
from domain.ports.vault import Vault
from domain.projections.prefixes import common, looked_up, prefixes_of
from domain.projections.projection import Batch, Projection
from domain.projections.rows import person_stream
from domain.projections.store import Fold, Patch, ViewStore

MOST = 90
"""Maximum of rows per person: a nickname has 32 letters, of which at most 83 prefixes are indexed
in scripts without spaces."""

NAME, WORD = "name", "n#"


class People(Projection):
    name = "people"
    version = 2
    of_people = True
    types = (PersonRegistered, PersonErased)

    def fold(self, batch: Batch) -> Fold:
        if any(isinstance(event, PersonErased) for event in batch.events):
            return Fold(batch.base)
        patches: list[Patch] = []
        for event in batch.events:
            if isinstance(event, PersonRegistered):
                vault = self.given.vault
                words = prefixes_of(vault.open(event.name) or "")[:MOST]
                names = [_under(vault, word) for word in words]
                patches += [Patch(name, {}, under=name) for name in names]
                if names:
                    patches.append(Patch(NAME, {"name": event.name}))
        return Fold(batch.base, patches=patches)

    def erase(self, user: str) -> None:
        # A late fold must not open a name with a key that this process still caches.
        self.given.vault.forget(user)
        store, stream = self.given.views.store, person_stream(user)
        store.drop(stream, WORD, f"{WORD}~")
        store.drop(stream, NAME, NAME)


def search(
    store: ViewStore, vault: Vault, words: Sequence[str], chunk: int
) -> Iterator[Mapping[str, Any]]:
    """Yields sealed names by user, page by page: people who may have all the words. There is at
    least one word.

    A page reads at most `chunk` entries of the index per word.
    """
    for streams, _ in common(store, [_under(vault, one) for one in looked_up(words)], "", chunk):
        rows = store.rows([(stream, NAME) for stream in streams])
        yield {stream[2:]: row["name"] for (stream, _), row in rows.items()}


def _under(vault: Vault, prefix: str) -> str:
    return f"{WORD}{vault.blind(f'person {prefix}')}"

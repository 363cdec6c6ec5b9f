"""Whom a text names: `@nickname`, or `@"a name with spaces"`."""

import re
from collections.abc import Iterator

from domain.chat.entering import same_name
from domain.chat.services import Services
from domain.protocol.limits import MAX_NICKNAME

MAX_MENTIONS = 20
"""Names of one text that are looked up, each for one read."""

# Not within a word, so that an address of mail names nobody.
_MENTION = re.compile(r'(?<![\w@])@(?:"([^"\n\t]+)"|([^\s@"]+))')
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)
_TRAILING = ".,;:!?)'’…"
"""What ends a sentence, not a name: a nickname that ends so is named in quotation marks."""


def mentions(text: str) -> Iterator[str]:
    """Yields the nicknames that a text names, each once, in the form that tells them apart."""
    seen = set()
    for quoted, bare in _MENTION.findall(text):
        name = quoted.strip() or _POSSESSIVE.sub("", bare.rstrip(_TRAILING))
        if name and len(name) <= MAX_NICKNAME and (same := same_name(name)) not in seen:
            seen.add(same)
            yield same


def mentioned(services: Services, text: str) -> list[str]:
    """Returns the people whom a text names; a text without `@` costs no look."""
    if "@" not in text:
        return []
    found = []
    for name, _ in zip(mentions(text), range(MAX_MENTIONS), strict=False):
        holder = services.accounts.nickname_holder(services.vault.blind("nickname:" + name))
        if holder is not None:
            found.append(holder)
    return found

"""Finds the people whom a text mentions: `@nickname`, or `@"a name with spaces"`."""

import re
from collections.abc import Iterator

from domain.chat.entering import same_name
from domain.chat.services import Services
from domain.protocol.limits import MAX_NICKNAME

MAX_MENTIONS = 20
"""Maximum of names that are looked up for one text; each costs one read."""

# Not within a word, so that an e-mail address mentions nobody.
_MENTION = re.compile(r'(?<![\w@])@(?:"([^"\n\t]+)"|([^\s@"]+))')
_POSSESSIVE = re.compile("['’]s$", re.IGNORECASE)
_TRAILING = ".,;:!?)'’…"
"""Characters that end a sentence and not a name: a nickname with such an end must be in quotation
marks."""


def mentions(text: str) -> Iterator[str]:
    """Yields the nicknames that a text mentions, each once, in the form for comparison."""
    seen = set()
    for quoted, bare in _MENTION.findall(text):
        name = quoted.strip() or _POSSESSIVE.sub("", bare.rstrip(_TRAILING))
        if name and len(name) <= MAX_NICKNAME and (same := same_name(name)) not in seen:
            seen.add(same)
            yield same


def mentioned(services: Services, text: str) -> list[str]:
    """Returns the people whom a text mentions; a text without `@` costs no read."""
    if "@" not in text:
        return []
    found = []
    for name, _ in zip(mentions(text), range(MAX_MENTIONS), strict=False):
        holder = services.accounts.nickname_holder(services.vault.blind("nickname:" + name))
        if holder is not None:
            found.append(holder)
    return found

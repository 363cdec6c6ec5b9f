"""What an emoji is, by Unicode's own data (emoji_data.py, made by tools/emoji.py)."""

from functools import cache

from domain.protocol.emoji_data import FULLY_QUALIFIED

_TONES = [chr(point) for point in range(0x1F3FB, 0x1F400)]
_PRESENTATION = "\ufe0f"


@cache
def known() -> frozenset[str]:
    """Returns the fully-qualified sequences: those that keyboards send."""
    found = []
    for part in FULLY_QUALIFIED.split():
        # `*️⃣` is the key, which has no tone.
        if "*" in part and not part.startswith("*"):
            found += [part.replace("*", tone) for tone in _TONES]
        else:
            found.append(part)
    return frozenset(found)


@cache
def _by_bare() -> dict[str, str]:
    """Returns the sequences that have presentation selectors, by what is left without them."""
    return {_bare(one): one for one in known() if _PRESENTATION in one}


def _bare(value: str) -> str:
    return value.replace(_PRESENTATION, "")


def is_emoji(value: str) -> bool:
    """Returns whether `value` is one emoji recommended for general interchange (RGI).

    Presentation selectors (U+FE0F) may be left out, as in Unicode's minimally-qualified and
    unqualified sequences; none may stand where the fully-qualified sequence has none.
    """
    if value in known():
        return True
    whole = _by_bare().get(_bare(value))
    if whole is None:
        return False
    at = 0
    for char in whole:
        if value[at : at + 1] == char:
            at += 1
    return at == len(value)

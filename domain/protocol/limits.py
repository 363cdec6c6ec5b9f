"""Limits of the protocol, separate from the wire models: most functions do not load those."""

import re

MAX_TEXT = 4_000
"""Code points of a message (docs/protocol.md)."""

MAX_NAME = 80
"""Code points of a room's name."""

MAX_NICKNAME = 32
"""Code points of a nickname."""

MAX_FRAME = 32 * 1024
"""Bytes of one WebSocket frame: API Gateway's limit and its billing unit."""

MAX_SYNC_ROOMS = 200
"""Rooms of one `sync` frame: with the longest ids they fit MAX_FRAME."""

MAX_PING_ROOMS = 100
"""Rooms of one `ping`: each costs a read of its log."""

MAX_VERSION = 2**53 - 1
"""Largest integer that a browser holds exactly."""

# Cc except newline and tab, surrogates, and the two noncharacters that SQS rejects.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no text or name may contain."""

ROOM_PATTERN = "^[a-z0-9-]{1,64}$"
"""The form of a room's id."""

UNGUESSABLE = re.compile("(^|-)[a-z2-7]{12,}$")
"""The end of a private room's id: 60 random bits in base32, so that nobody can find out which
private rooms exist by trying ids."""

COMMANDS_A_MINUTE = 300
"""Commands of a person, with a burst of 100."""

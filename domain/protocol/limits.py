"""Limits of the protocol, apart from the wire's models: most functions start without those."""

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

# Cc but newline and tab, surrogates, and the two noncharacters that SQS rejects.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that no text or name may hold."""

ROOM_PATTERN = "^[a-z0-9-]{1,64}$"
"""What a room's id is like."""

UNGUESSABLE = re.compile("(^|-)[a-z2-7]{12,}$")
"""How the id of a private room ends: 60 random bits in base32, so that nobody learns by trying
which private rooms there are."""

"""The state that the payloads in events/ are written for, and a pattern for answers.

People: `u_ann`, `u_bob` and `u_cy` with tokens `token-ann` …, a connection each (`ann` …) that
synced the lobby, and the ticket `ticket-ann`; `token-ann-expired`, `ticket-ann-expired` and
`ticket-ann-used` were good once. Rooms: `lobby` (public), `den-222222222222` (private, Ann alone)
and `news` (broadcast). Keys are fixed, so that sealed texts in payloads can be opened.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.memory.keys import MemoryKeys
from domain.chat import Chat
from domain.chat.sessions import hashed
from domain.ports.accounts import Session
from tests.support.chat import MASTER, Someone, memory_chat, person, run_consumers
from tests.support.outbound import Outside

NAMES = ("ann", "bob", "cy")


class FixedOrigin:
    """Implements the Origin port with a secret that never changes."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def admits(self, shown: str) -> bool:
        return shown == self._secret


def fixed_keys() -> MemoryKeys:
    """Returns keys that are the same in each run; of tests alone."""
    keys, nonce = MemoryKeys(), bytes(12)
    for name in NAMES:
        user = f"u_{name}"
        raw = hashlib.sha256(user.encode()).digest()
        keys.add({user: nonce + AESGCM(MASTER).encrypt(nonce, raw, user.encode())})
    return keys


def configured(chat: Chat, origins: Sequence[str] = (), **settings: Any) -> Chat:
    """Returns the same chat in a deployment that is set up so: fields of `Services`, and by
    `origin_secret` what CloudFront adds."""
    secret = settings.pop("origin_secret", "")
    if secret:
        settings["origin"] = FixedOrigin(secret)
    return Chat(replace(chat.services, origins=frozenset(origins), **settings))


def scene(*, projected: bool = True) -> Chat:
    """Plays the scene; `projected` has the views know it."""
    chat = memory_chat(keys=fixed_keys())
    ann, bob, cy = (person(chat, name) for name in NAMES)
    for room, kind in (("lobby", "public"), ("den-222222222222", "private"), ("news", "broadcast")):
        ann.send(action="create_room", id=f"create-{room}", room=room, name=room, kind=kind)
    _talk(ann, bob, cy)
    services = chat.services
    session = Session(ann.user, ann.connection.session, services.seconds() + 60.0)
    services.accounts.put_ticket(hashed("ticket-ann"), session)
    services.accounts.put_ticket(hashed("ticket-ann-used"), session)
    services.accounts.take_ticket(hashed("ticket-ann-used"), services.seconds())
    over = replace(session, expires=services.seconds() - 1.0)
    services.accounts.put_ticket(hashed("ticket-ann-expired"), over)
    services.accounts.put_session(hashed("token-ann-expired"), over)
    pseudonym = services.vault.blind("nickname:ann")
    services.accounts.claim_nickname(pseudonym, ann.user, services.seconds())
    if projected:
        run_consumers(chat, ["project_views"])
    for someone in (ann, bob, cy):
        services.connections.subscribe(someone.connection.id, "lobby")
        someone.frames()
    return configured(chat, **Outside().services())


def _talk(ann: Someone, bob: Someone, cy: Someone) -> None:
    """Lobby: Bob 3, messages 4 and 5, a reaction 6, Cy comes 7 and is removed 8, a message 9."""
    bob.send(action="join", id="join", room="lobby")
    ann.send(action="post", id="hello", room="lobby", text="hello")
    bob.send(action="post", id="hi", room="lobby", text="hi Ann", reply_to=4)
    bob.send(action="react", id="react", room="lobby", version=4, emoji="👍")
    cy.send(action="join", id="join", room="lobby")
    ann.send(action="remove_member", id="remove", room="lobby", user="u_cy")
    ann.send(action="post", id="after", room="lobby", text="where were we")
    ann.send(action="post", id="secret", room="den-222222222222", text="a secret")
    ann.send(action="read", id="read", room="lobby", version=9)


def matches(found: Any, pattern: Any) -> bool:
    """Tells whether `found` is as expected: `"*"` stands for anything, an object for one that
    has at least its fields."""
    if pattern == "*":
        return True
    if isinstance(pattern, dict):
        return isinstance(found, dict) and all(
            name in found and matches(found[name], wanted) for name, wanted in pattern.items()
        )
    if isinstance(pattern, list):
        return (
            isinstance(found, list)
            and len(found) == len(pattern)
            and all(matches(one, wanted) for one, wanted in zip(found, pattern, strict=True))
        )
    return bool(found == pattern)

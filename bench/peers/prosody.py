"""prosody, tuned, and its client.

A room is a multi-user chat whose archive is in SQLite. Messages are archived before they are sent
to the occupants (mod_muc_mam), each in its own transaction. The database is created in WAL mode
beforehand, a property of the file that prosody does not change; SQLite's default then syncs once at
each commit (`synchronous` FULL) instead of about four times.
"""

from __future__ import annotations

import asyncio
import base64
import re
import sqlite3
from collections.abc import Sequence

from bench.peers.member import MARK, Chunk, Member, Run, enter, gather, runs_of
from bench.peers.process import Peer
from bench.server import HOST

HOSTNAME, ROOMS = "localhost", "rooms.localhost"
END = b"</message>"
BODIES = re.compile(rb"<body>" + MARK)
OPENING = (
    f"<stream:stream to='{HOSTNAME}' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
).encode()

CONFIG = """
run_as_root = true
data_path = "{folder}/data"
pidfile = "{folder}/prosody.pid"
log = {{ warn = "*console" }}
interfaces = {{ "{host}" }}
local_interfaces = {{ "{host}" }}
c2s_ports = {{ {port} }}
modules_enabled = {{ "saslauth" }}
modules_disabled = {{ "s2s", "s2s_auth_certs", "offline", "tls" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
gc = {{ mode = "generational" }}
network_settings = {{ nagle = false, opportunistic_writes = true }}
default_storage = "internal"
storage = {{ muc_log = "sql" }}
sql = {{ driver = "SQLite3", database = "{database}" }}
VirtualHost "{hostname}"
Component "{rooms}" "muc"
    modules_enabled = {{ "muc_mam" }}
    muc_log_by_default = true
    muc_log_expires_after = "never"
    muc_room_locking = false
    muc_room_default_public = true
"""


class ProsodyMember(Member):
    """An XMPP stream over TCP, without TLS."""

    def __init__(self, run: Run, index: int, room: str) -> None:
        super().__init__(run, index, room)
        self._rest = b""
        self._to = f"<message to='{room}@{ROOMS}' type='groupchat'><body>".encode()

    def cut(self, data: bytes) -> Sequence[bytes]:
        data = self._rest + data
        end = data.rfind(END) + len(END)
        if end < len(END):
            self._rest = data
            return ()
        self._rest = data[end:]
        return (data[:end],)

    def scan(self, chunk: bytes) -> Chunk:
        if b" type='error'" in chunk:
            raise ValueError(chunk[:500].decode(errors="replace"))
        return Chunk(runs_of(BODIES.findall(chunk)))

    def acks_in(self, content: Chunk) -> int:
        """A room's answer to a message is the message itself."""
        return sum(
            last - first + 1 for writer, first, last in content.posts if writer == self.index
        )

    def encode(self, text: bytes) -> bytes:
        return b"%b%b</body></message>" % (self._to, text)

    async def enter(self) -> None:
        """Logs in and joins the room."""
        self.write(OPENING)
        await self.until(b"</stream:features>")
        secret = base64.b64encode(f"\0person-{self.index}\0secret".encode()).decode()
        sasl = "urn:ietf:params:xml:ns:xmpp-sasl"
        self.write(f"<auth xmlns='{sasl}' mechanism='PLAIN'>{secret}</auth>".encode())
        await self.until(b"<success")
        self.write(OPENING)
        await self.until(b"</stream:features>")
        bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind>"
        self.write(f"<iq type='set' id='bind'>{bind}</iq>".encode())
        await self.until(b"</iq>")
        self.write(
            f"<presence to='{self.room}@{ROOMS}/person-{self.index}'>"
            "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
            "</presence>".encode()
        )
        await self.until(b"<subject")


class Prosody(Peer):
    """Debian's prosody with the archive of its rooms in SQLite."""

    name = "prosody"
    promise = (
        "its archive is synced before a message is sent to anybody; there is no id by which a"
        " client may send again, and no version by which a receiver sees that one is missing"
    )
    accounts = 400

    def command(self) -> Sequence[str]:
        path = self.folder / "archive.sqlite"
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE bench (made INTEGER)")
        database.close()
        accounts = self.folder / "data" / HOSTNAME / "accounts"
        accounts.mkdir(parents=True)
        for number in range(self.accounts):
            account = accounts / f"person%2d{number}.dat"
            account.write_text('return {\n\t["password"] = "secret";\n};\n')
        config = self.folder / "prosody.cfg.lua"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                host=HOST,
                port=self.port,
                hostname=HOSTNAME,
                rooms=ROOMS,
                database=path,
            )
        )
        return ["prosody", "--config", str(config), "-F"]

    async def members(self, run: Run, rooms: int, members: int) -> list[list[Member]]:
        async def member(index: int, room: str) -> Member:
            return await enter(ProsodyMember(run, index, room), self.port)

        found = await gather(rooms, members, member)
        await asyncio.sleep(0.5)  # Presences of the last people who joined are not measured.
        return found

    def stored(self) -> int:
        with sqlite3.connect(self.folder / "archive.sqlite") as database:
            row = database.execute("SELECT count(*) FROM prosodyarchive").fetchone()
        database.close()
        return int(row[0])

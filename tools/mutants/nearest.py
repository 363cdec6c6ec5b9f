"""The nearest tests of each module: those that must notice a fault in it."""

from pathlib import Path


def _tests(kind: str, names: tuple[str, ...]) -> list[str]:
    """Returns test modules by name; for a feature with several modules, their folder."""
    folders = {name: Path("tests", kind, name) for name in names}
    return [
        str(folder if folder.is_dir() else folder.with_name(f"test_{name}.py"))
        for name, folder in folders.items()
    ]


def _unit(*names: str) -> list[str]:
    return _tests("unit", names)


def _functional(*names: str) -> list[str]:
    return _tests("functional", names)


def _conformance(*names: str) -> list[str]:
    return _tests("conformance", names)


def _concerns(package: str) -> list[str]:
    """Returns the modules of a package by concern."""
    found = Path("domain", package).glob("*.py")
    return sorted(str(path) for path in found if path.name != "__init__.py")


NEAREST: dict[str, list[str]] = {
    **{path: _unit("room", "inviting", "repeats", "storage_format") for path in _concerns("room")},
    **{
        path: _unit("person", "erasing", "repeats", "storage_format")
        for path in _concerns("person")
    },
    "domain/concerns.py": _unit("room", "person", "memory", "storage_format"),
    "domain/aggregate.py": _unit("room", "person", "storage_format"),
    "domain/caching.py": _unit("memory"),
    "domain/log.py": _unit("log", "executing", "retrying", "memory"),
    "domain/deciding.py": _unit("executing", "retrying", "room", "authorising"),
    "domain/executing.py": _unit("executing", "retrying", "room"),
    "domain/retrying.py": _unit("retrying", "executing"),
    "domain/matching.py": _unit("matching"),
    "domain/consumer.py": _unit("consuming", "claiming"),
    "domain/consuming.py": _unit("consuming", "claiming", "dynamodb_views"),
    "domain/claiming.py": _unit("claiming", "gathering", "sharding"),
    "domain/room/declaring.py": _unit("declaring", "withholding", "authorising"),
    "domain/room/view.py": _unit("room_view", "fold_cases", "client_fold"),
    "domain/room/tail.py": _unit("room_view", "memory", "executing"),
    "domain/chat/__init__.py": _unit("chat", "delivering"),
    "domain/chat/archiving.py": _unit("archiving"),
    "domain/chat/authorising.py": _unit("authorising", "chat"),
    "domain/chat/building.py": _unit("chat", "mentioning", "quiet_posts", "inviting", "preparing"),
    "domain/chat/commanding.py": _unit(
        "chat",
        "metering",
        "authorising",
        "inviting",
        "mentioning",
        "quiet_posts",
        "retrying",
        "preparing",
        "erasing",
    ),
    "domain/chat/consumers.py": _unit("consuming", "dynamodb_views", "declaring"),
    "domain/chat/delivering.py": _unit("delivering", "sharding", "erasing", "chat", "client_fold"),
    "domain/chat/entering.py": _unit("entering", "exchange", "erasing"),
    "domain/chat/sessions.py": _unit("entering", "exchange", "erasing"),
    "domain/chat/erasing.py": _unit("erasing"),
    "domain/chat/frames.py": _unit("frames", "delivering", "client_fold"),
    "domain/chat/inviting.py": _unit("inviting"),
    "domain/chat/listing.py": _unit("listing"),
    "domain/chat/looks/__init__.py": _unit("looks"),
    "domain/chat/mentioning.py": _unit("mentioning"),
    "domain/chat/metering.py": _unit("metering"),
    "domain/chat/notifying.py": _unit("notifying"),
    "domain/chat/unsealing.py": _unit("unsealing", "reading", "chat", "client_fold"),
    "domain/chat/pinging.py": _unit("pinging"),
    "domain/chat/preparing.py": _unit("preparing"),
    "domain/chat/reading.py": _unit("reading", "withholding", "inviting", "chat", "client_fold"),
    "domain/chat/rebuilding.py": _unit("rebuilding"),
    "domain/chat/receiving.py": _unit("chat", "metering", "parse"),
    "domain/chat/retaining.py": _unit("retaining"),
    "domain/chat/syncing.py": _unit("syncing", "client_fold", "metering"),
    "domain/chat/withholding.py": _unit("withholding", "declaring"),
    "adapters/vault/aes.py": _unit("vault", "kms") + _conformance("keys"),
    "adapters/vault/kms.py": _unit("kms"),
    "adapters/vault/openssl.py": _unit("vault"),
    "adapters/vault/pycryptodome.py": _unit("vault"),
    "local/consumer.py": _functional("engine", "late_lists"),
    "local/executor.py": _functional("engine"),
    "local/waiting.py": _functional("engine"),
    "local/feed.py": _functional("engine") + _unit("memory"),
    "local/gateway.py": _unit("sockets", "socket_life") + _functional("timers"),
    "local/handshake.py": _unit("sockets"),
    "local/sockets.py": _unit("sockets", "socket_limits", "socket_life") + _functional("timers"),
}

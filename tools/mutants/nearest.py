"""Which tests are nearest to which module: those that must notice a fault in it."""

UNIT, CONFORMANCE, FUNCTIONAL = (
    "tests/unit/test_",
    "tests/conformance/test_",
    "tests/functional/test_",
)


def _unit(*names: str) -> list[str]:
    return [f"{UNIT}{name}.py" for name in names]


def _functional(*names: str) -> list[str]:
    return [f"{FUNCTIONAL}{name}.py" for name in names]


def _conformance(*names: str) -> list[str]:
    return [f"{CONFORMANCE}{name}.py" for name in names]


NEAREST: dict[str, list[str]] = {
    "domain/room/room.py": _unit("room", "repeats", "storage_format"),
    "domain/person/person.py": _unit("person", "repeats", "storage_format"),
    "domain/aggregate.py": _unit("room", "person", "storage_format"),
    "domain/log.py": _unit("executing", "consuming", "room"),
    "domain/executing.py": _unit("executing", "room"),
    "domain/consuming.py": _unit("consuming", "dynamodb_views"),
    "domain/claiming.py": _unit("claiming", "sharding"),
    "domain/projections/room_view.py": _unit("fold_cases", "client_fold", "consuming"),
    "domain/chat/__init__.py": _unit("chat", "delivering"),
    "domain/chat/archiving.py": _unit("archiving"),
    "domain/chat/commanding.py": _unit("chat", "repeats", "frames", "mentioning"),
    "domain/chat/consumers.py": _unit("consuming", "dynamodb_views"),
    "domain/chat/delivering.py": _unit("delivering", "sharding", "chat", "client_fold"),
    "domain/chat/entering.py": _unit("entering", "exchange"),
    "domain/chat/frames.py": _unit("frames", "delivering", "client_fold"),
    "domain/chat/mentioning.py": _unit("mentioning"),
    "domain/chat/notifying.py": _unit("notifying"),
    "domain/chat/opening.py": _unit("chat", "client_fold", "delivering"),
    "domain/chat/reading.py": _unit("reading", "chat", "client_fold", "rebuilding"),
    "domain/chat/rebuilding.py": _unit("rebuilding"),
    "domain/chat/receiving.py": _unit("chat", "frames", "parse"),
    "domain/chat/retaining.py": _unit("retaining"),
    "domain/chat/syncing.py": _unit("syncing", "client_fold", "chat"),
    "adapters/vault/aes.py": _unit("vault", "kms") + _conformance("keys"),
    "adapters/vault/kms.py": _unit("kms"),
    "adapters/vault/openssl.py": _unit("vault"),
    "adapters/vault/pycryptodome.py": _unit("vault"),
    "local/executor.py": _functional("engine"),
    "local/feed.py": _functional("engine"),
    "local/sockets.py": _unit("sockets", "socket_limits") + _functional("timers"),
}

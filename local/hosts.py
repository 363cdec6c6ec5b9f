"""Checks Host and Origin, to keep out foreign pages and rebound names."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

LOCAL = {"localhost", "127.0.0.1", "::1"}
ANY = {"0.0.0.0", "::", ""}  # noqa: S104 compared with, not bound to


def host_check(bound: str, named: Sequence[str] = ()) -> Callable[[str, str | None], bool]:
    """Returns a check of a request's Host and Origin.

    Allowed hosts are the local names, the bound address and those in `named`; for a server bound to
    all addresses, also every IP literal (a rebound name is not one) and this machine's name. An
    Origin, if present, must have the same host and port as Host.
    """
    names = {*LOCAL, bound.lower(), *(name.lower() for name in named)} - ANY
    if bound in ANY:
        names.add(socket.gethostname().lower())

    def known(host: str) -> bool:
        name = _name(host)
        return name in names or (bound in ANY and _is_address(name))

    def allowed(host: str, origin: str | None) -> bool:
        if not known(host):
            return False
        if origin is None:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    return allowed


def _name(host: str) -> str:
    try:
        return (urlsplit("//" + host).hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

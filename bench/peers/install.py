"""Installs Debian's prosody and Redis if they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGES = ("prosody", "lua-dbi-sqlite3", "redis-server")
COMMAND = f"apt-get update && apt-get install -y {' '.join(PACKAGES)}"
POLICY = Path("/usr/sbin/policy-rc.d")
"""The file with which Debian's packages check whether they may start services
(deb-systemd-invoke)."""


class NotInstalled(Exception):
    """The servers cannot be installed here; the message is for the user."""


def install() -> None:
    """Installs missing packages, without starting a service.

    Raises
    ------
    NotInstalled: this system is not Debian, the user is not root, or a package is not available.
    """
    if _installed():
        return
    if shutil.which("apt-get") is None:
        raise NotInstalled("PEERS=1 needs Debian's packages, and there is no apt-get here")
    if os.geteuid():
        raise NotInstalled(f"PEERS=1 needs Debian's packages; as root: {COMMAND}")
    quiet = not POLICY.exists()
    if quiet:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        done = subprocess.run(["sh", "-c", COMMAND], env=_environment(), check=False)
    finally:
        if quiet:
            POLICY.unlink(missing_ok=True)
    if done.returncode or not _installed():
        raise NotInstalled(f"the packages could not be installed: {COMMAND}")
    if Path("/run/systemd/system").is_dir():
        # Installing enables both services at the next boot, which is not wanted.
        subprocess.run(["systemctl", "disable", "prosody", "redis-server"], check=False)


def versions() -> str:
    """Returns the versions of the installed packages."""
    shown = "${Package} ${Version}, "
    asked = ["dpkg-query", "--show", f"--showformat={shown}", *PACKAGES]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.rstrip(", ")


def _installed() -> bool:
    programs = all(shutil.which(name) for name in ("prosody", "redis-server"))
    return programs and any(Path("/usr/lib").glob("*/lua/5.*/dbd/sqlite3.so"))


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

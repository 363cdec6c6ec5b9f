#!/bin/sh
# Prints the path of uv; installs it by pip where it is missing.
set -eu
if command -v uv >/dev/null 2>&1; then
    command -v uv
    exit 0
fi
home=.stamps/uv
if [ ! -x "$home/bin/uv" ]; then
    python3 -m venv "$home" >&2
    "$home/bin/python" -m pip install -q --disable-pip-version-check uv >&2
fi
echo "$PWD/$home/bin/uv"

#!/bin/sh
# Prints the path of uv; installs it by pip, into a folder of this checkout, where it is missing.
set -eu
if command -v uv >/dev/null 2>&1; then
    command -v uv
    exit 0
fi
home=.stamps/uv
if [ ! -x "$home/bin/uv" ]; then
    "${PYTHON:-python3}" -m pip install -q --disable-pip-version-check --target "$home" uv >&2
fi
echo "$PWD/$home/bin/uv"

#!/usr/bin/env bash
# Prints the path of a Python 3.13, the runtime of the Lambda functions; PYTHON313 names one.
set -euo pipefail
for candidate in "${PYTHON313:-}" python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
        "$candidate" -c 'import sys; print(sys.executable)'
        exit 0
    fi
done
echo "Python 3.13, the runtime of the Lambda functions, was not found; set PYTHON313 to its path" >&2
exit 1

#!/bin/sh
# Installs Debian's chromium and strace for the tests, where apt is there and they are not.
# Without them the tests that need them are skipped, with a message.
set -eu
need=""
command -v chromium >/dev/null 2>&1 || need="$need chromium"
command -v strace >/dev/null 2>&1 || need="$need strace"
[ -n "$need" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "no apt here: install$need by hand for all tests to run" >&2
    exit 0
fi
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
# shellcheck disable=SC2086
if ! { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq $need; } >/dev/null; then
    echo "apt could not install$need: the tests that need them will be skipped" >&2
fi

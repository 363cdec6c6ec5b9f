#!/usr/bin/env bash
# Makes the image that `sam local` runs functions in, without a registry: this machine's Python
# 3.13 and its libraries, Lambda's runtime client from PyPI, and a shell.
#
#   tools/lambda_image.sh [TAG]
#
# Needs a Docker engine, Python 3.13 (tools/find_python313.sh) and an x86-64 Linux. It stands in for
# Lambda's image: the same runtime client, paths and variables; the libraries below are Debian's.
set -euo pipefail
cd "$(dirname "$0")/.."
tag=${1:-public.ecr.aws/lambda/python:3.13-x86_64}
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "the image is made of this machine's own files: it has to be an x86-64 Linux" >&2
    exit 1
fi
docker info >/dev/null 2>&1 || { echo "no Docker engine answers" >&2; exit 1; }
python=$(tools/find_python313.sh)
uv=$(tools/find_uv.sh)
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT

# The interpreter, at Lambda's place, without what no function imports.
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
mkdir -p "$image/var/lang/bin" "$image/var/lang/lib"
cp -L "$prefix/bin/python3.13" "$image/var/lang/bin/"
find "$prefix/lib" -maxdepth 1 -name 'libpython3*.so*' -exec cp -P {} "$image/var/lang/lib/" \;
tar -C "$prefix/lib" -c \
    --exclude=site-packages --exclude=dist-packages --exclude=__pycache__ --exclude='config-3.13*' \
    --exclude=python3.13/{test,idlelib,tkinter,turtledemo,ensurepip} \
    python3.13 | tar -C "$image/var/lang/lib" -x

# Lambda's runtime client and the SDK, as the runtime has them.
"$uv" pip install -q --target "$image/var/runtime" --python "$python" --require-hashes \
    --python-platform x86_64-manylinux_2_28 --only-binary :all: -r tools/locks/lambda_image.lock
cat >"$image/var/runtime/bootstrap" <<'BOOTSTRAP'
#!/bin/sh
export AWS_EXECUTION_ENV=AWS_Lambda_python3.13 PYTHONPATH=/var/runtime:/opt/python
cd "$LAMBDA_TASK_ROOT"
exec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"
BOOTSTRAP
chmod +x "$image/var/runtime/bootstrap"

# Compiled, since containers are read-only to functions as Lambda's are.
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$image" \
    "$image/var/lang/lib/python3.13" "$image/var/runtime" >/dev/null || true

# SAM puts its runtime emulator in by these.
mkdir -p "$image/bin"
for tool in sh mv chmod; do cp -L "/bin/$tool" "$image/bin/"; done

# The libraries that all of it names, each at its own path, and those that wheels may count on.
libraries() {
    find "$image" -type f \( -name '*.so*' -o -path '*/bin/*' \) -exec ldd {} + 2>/dev/null |
        grep -oE '/[^ ]+\.so[^ ]*' | grep -vF "$image" || true
    ldconfig -p | grep x86-64 |
        grep -oE '/[^ ]+/(ld-linux-x86-64|lib(c|m|dl|rt|util|pthread|resolv|gcc_s|stdc\+\+))\.so\.[0-9]+$'
}
export LD_LIBRARY_PATH="$image/var/lang/lib"
libraries | sort -u | while read -r library; do
    [ ! -f "$library" ] || cp -L --parents "$library" "$image"
done
unset LD_LIBRARY_PATH
mkdir -p "$image/lib64"
cp -L /lib64/ld-linux-x86-64.so.2 "$image/lib64/"

mkdir -p "$image"/{etc,opt,proc,root,sys,dev,tmp,var/task,var/rapid}
chmod 1777 "$image/tmp"
chmod 755 "$image"
echo 'root:x:0:0:root:/root:/bin/sh' >"$image/etc/passwd"
echo 'root:x:0:' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"

tar -C "$image" -c . | docker import \
    --change 'WORKDIR /var/task' \
    --change 'ENV LAMBDA_TASK_ROOT=/var/task' \
    --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
    --change 'ENV LD_LIBRARY_PATH=/var/lang/lib' \
    --change 'ENV PATH=/var/lang/bin:/bin' \
    --change 'ENV LANG=C.UTF-8' \
    --change 'ENV TZ=:UTC' \
    - "$tag" >/dev/null
# SAM's own layer over an image that was here before: SAM would continue to use it.
docker image rm -f "${tag/:3.13-/:3.13-rapid-}" >/dev/null 2>&1 || true
echo "$tag"

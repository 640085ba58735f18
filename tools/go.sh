#!/usr/bin/env bash
# Prints the path of the Go that setup uses: the machine's, or the one fetched into build/go. With `fmt`: its gofmt.
here=$(cd "$(dirname "$0")/.." && pwd)
name=${1:-go}; [ "$name" = fmt ] && name=gofmt
if [ -x "$here/build/go/go/bin/$name" ]; then echo "$here/build/go/go/bin/$name"
else command -v "$name"; fi

#!/usr/bin/env bash
# Generates the code of proto/ for Go and Python. The generated files are checked in, so that a build needs no protoc.
set -euo pipefail
cd "$(dirname "$0")/.."
go=$(tools/go.sh)
tools=$PWD/build/tools
mkdir -p "$tools"
(cd execution && GOBIN=$tools "$go" install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.11)
(cd execution && GOBIN=$tools "$go" install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0)
protoc() { .venv/bin/python -m grpc_tools.protoc "$@"; }
protoc -I proto --plugin=protoc-gen-go="$tools/protoc-gen-go" --plugin=protoc-gen-go-grpc="$tools/protoc-gen-go-grpc" \
  --go_out=execution --go_opt=module=dnalyaw/execution \
  --go-grpc_out=execution --go-grpc_opt=module=dnalyaw/execution proto/dnalyaw/v1/oms.proto
out=dnalyaw/runtime/_gen
protoc -I proto/dnalyaw/v1 --python_out=$out --pyi_out=$out --grpc_python_out=$out proto/dnalyaw/v1/oms.proto
sed -i 's/^import oms_pb2 as/from . import oms_pb2 as/' $out/oms_pb2_grpc.py

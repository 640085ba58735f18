# The commands of every day. `make run` and `make test` set up whatever is missing.
SHELL := /bin/bash
PYTHON ?= python3
export PYTHON
BIN := .venv/bin
ARGS ?=

.PHONY: help run test soak setup build lint format proto ui doctor bench clean

help:  ## say what each command does
	@grep -E '^[a-z ]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup build:  ## Python environment, Rust and Go programs, bytecode
	@bash tools/setup.sh

run: setup  ## one day of the whole platform on the simulated market
	@$(BIN)/dnalyaw run $(ARGS)

# Many tests wait for replayed sessions and for limits of time: more of them at once than there are cores.
test: setup lint  ## everything that must hold; about 26 minutes on two cores
	cd execution && GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 $$(../tools/go.sh) test -race $$(bash ../tools/risk-cabi.sh flags) ./...
	RUST_TEST_THREADS=5 cargo test --quiet --locked --workspace --exclude python_native
	$(BIN)/python -m pytest -m "not soak" -n 3 --dist loadfile

soak: setup  ## long fault injection and long fuzzing
	bash tools/soak.sh

lint:  ## formatters, linters, type checks, and the arrows between rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cargo fmt --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	cd execution && $$(../tools/go.sh) vet -tags oms_backtest ./... && test -z "$$($$(../tools/go.sh fmt) -l .)"

format:  ## rewrite the sources in the house's form
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	cargo fmt
	cd execution && $$(../tools/go.sh fmt) -w .

proto:  ## generate the Go and Python code of proto/ again
	bash tools/proto.sh

ui: setup  ## open the Dagster UI on the data home
	@$(BIN)/dnalyaw ui $(ARGS)

doctor: setup  ## say what is missing on this machine
	@$(BIN)/dnalyaw doctor

bench: setup  ## measure; ARGS names the bench, for example ARGS="dag --json"
	@$(BIN)/dnalyaw bench $(ARGS)

clean:  ## remove what was built; the data homes stay
	rm -rf build target .venv

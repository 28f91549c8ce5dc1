# The one door to this repository. Needs make, gcc and a python3 (3.11 or newer) with venv; `make PYTHON=python3.12 test` uses another one.

PYTHON ?= python3
VENV ?= .venv
LOCK ?= requirements.lock
BENCH_VENV := .venv-bench
MATRIX := 3.11 3.12 3.13
UV_VERSION := 0.13.9

BIN := $(VENV)/bin
TEST_SECONDS := 600
HASH_SEED ?= $(shell od -An -N2 -tu2 /dev/urandom)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow conformance corpus test-matrix check check-format check-lint check-types \
	check-architecture format reference bench soak setup-languages lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

# The key is what the environment was made from. It is written last, so an interrupted setup is done again. The image
# of Pyodide is for this very source; one that fits is left as it is.
setup: ## make .venv from the lock file, and in it an image of Pyodide; does nothing when they are up to date
	@set -eu; \
	python=; \
	for candidate in "$(PYTHON)" $(HOME)/.pyenv/versions/*/bin/$(notdir $(PYTHON)); do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "setup: $(PYTHON) is missing or older than 3.11; name another one: make PYTHON=python3.12 $@" >&2; exit 1; \
	fi; \
	version=$$("$$python" -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3])'); \
	key="$$version $$(cat $(LOCK) pyproject.toml | cksum)"; \
	if [ "$$(cat $(VENV)/.made-from 2>/dev/null || true)" = "$$key" ]; then exit 0; fi; \
	echo "setup: installing $(LOCK) into $(VENV) ($$version)"; \
	if [ "$$($(BIN)/python -c 'import sys; print("Python %d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true)" != "$$version" ]; then \
		"$$python" -m venv --clear $(VENV); \
	fi; \
	rm -f $(VENV)/.made-from; \
	$(BIN)/python -m pip install -qq --require-hashes --no-deps --requirement $(LOCK); \
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .; \
	$(BIN)/python -m pip check -qq; \
	printf '%s\n' "$$key" > $(VENV)/.made-from
	@$(BIN)/dspex-actors image build >/dev/null

demo: setup ## run the HumanEval problems in the sandbox
	$(BIN)/python examples/humaneval.py

test: setup ## run the default suite on at most 4 cores, on 2 about 5 minutes; ended after 10
	PYTHONHASHSEED=$(strip $(HASH_SEED)) $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --session-timeout=$(TEST_SECONDS)

test-slow: setup ## run what the default suite leaves out
	$(BIN)/python -m pytest -m slow --timeout=1800

conformance: setup ## run the rows of OTP's behaviour and count those that hold, by group
	$(BIN)/python -m pytest -q -p tests.supervisors.conformance._report tests/supervisors/conformance

corpus: setup ## run every hostile program in every configuration, and write the table of what is expected
	$(BIN)/python -m tests.corpus._table
	$(BIN)/python -m pytest tests/corpus -m "" --timeout=300

soak: setup ## for SOAK_SECONDS (60) each: crash things in a big tree; load a runtime; look for what is lost, left, or grows
	MALLOC_MMAP_THRESHOLD_=131072 SOAK_SECONDS=$${SOAK_SECONDS:-60} $(BIN)/python -m pytest -m soak -s --timeout=0 -o faulthandler_timeout=0

test-matrix: ## run the default suite on each of Python 3.11, 3.12 and 3.13 that is present
	@set -u; failed=; ran=; \
	for version in $(MATRIX); do \
		python=; \
		for candidate in python$$version $(HOME)/.pyenv/versions/$$version.*/bin/python; do \
			if "$$candidate" -c '' 2>/dev/null; then python=$$candidate; break; fi; \
		done; \
		if [ -z "$$python" ]; then echo "test-matrix: no Python $$version here, left out"; continue; fi; \
		ran="$$ran $$version"; \
		$(MAKE) PYTHON="$$python" VENV=.venv-$$version test || failed="$$failed $$version"; \
	done; \
	echo "test-matrix: ran$${ran:- none}, failed$${failed:- none}"; \
	[ -n "$$ran" ] && [ -z "$$failed" ]

check: check-format check-lint check-types check-architecture ## formatting, lint, types, layers and docs

check-format: setup
	$(BIN)/ruff format --check .

check-lint: setup
	$(BIN)/ruff check .

check-types: setup
	$(BIN)/mypy

check-architecture: setup
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_house_rules.py tests/test_docs.py

format: setup ## format the code and apply ruff's safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: setup ## write the list of public names into docs/reference.md
	$(BIN)/python docs/build_reference.py

bench: ## measure beside the peers, in an environment of its own; one table at the end
	@$(MAKE) --no-print-directory setup VENV=$(BENCH_VENV) LOCK=bench/requirements.lock
	$(BENCH_VENV)/bin/python bench/run.py

# What is looked for is what the packages are wanted for: another compiler or Erlang will do as well.
setup-languages: ## install Rust with its target for WebAssembly, Elixir and Erlang; by apt, as root; quiet when they are there
	@set -eu; \
	missing=; \
	command -v escript >/dev/null || missing="$$missing erlang-base"; \
	command -v elixir >/dev/null || missing="$$missing elixir"; \
	found=; \
	for rustc in $$(which -a rustc 2>/dev/null || true); do \
		root=$$("$$rustc" --print sysroot 2>/dev/null || true); \
		for target in wasm32-wasip1 wasm32-wasi; do \
			if [ -n "$$root" ] && [ -d "$$root/lib/rustlib/$$target/lib" ]; then found=$$rustc; fi; \
		done; \
	done; \
	[ -n "$$found" ] || missing="$$missing rustc libstd-rust-dev-wasm32 lld"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "setup-languages: what these packages of Debian's have is missing, and there is no apt-get here:$$missing" >&2; exit 1; \
	fi; \
	if [ "$$(id -u)" != 0 ]; then \
		echo "setup-languages: run as root: apt-get update && apt-get install --no-install-recommends$$missing" >&2; exit 1; \
	fi; \
	echo "setup-languages: installing$$missing"; \
	apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $$missing >/dev/null

# Versions that are locked already are kept; `make lock LOCK_FLAGS=--upgrade` takes the newest ones.
lock: ## write the lock files anew from pyproject.toml
	@set -eu; tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	$(PYTHON) -m venv "$$tool"; \
	"$$tool/bin/python" -m pip install -qq uv==$(UV_VERSION); \
	compile="$$tool/bin/uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
		--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command 'make lock' $(LOCK_FLAGS)"; \
	eval "$$compile --group dev --output-file requirements.lock pyproject.toml"; \
	eval "$$compile --group bench --output-file bench/requirements.lock pyproject.toml"

clean: ## remove environments, caches and builds
	rm -rf $(VENV) .venv-* build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

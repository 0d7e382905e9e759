# Two commands do all set-up: `make demo` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# What the demo and the commands started from here keep goes into the checkout, not into the home folder.
export REMORA_DATA_DIR ?= $(CURDIR)/.data

.PHONY: help demo test check format bench bench-quick constraints clean .venv

help:
	@echo "make demo         serve a demo bot on 127.0.0.1:8000, and print calls to paste"
	@echo "make test         install what tests need, and pass all of them"
	@echo "make check        ruff, mypy --strict and the import contract"
	@echo "make format       let ruff format and mend what it can"
	@echo "make bench        measure beside peers and ceilings (half an hour), and write docs/benchmarks.md"
	@echo "make bench-quick  show in two minutes that the benchmark works; its figures mean nothing"
	@echo "make constraints  write constraints.txt and constraints-dev.txt anew"
	@echo "make clean        remove .venv, the demo's data and what the benchmark keeps"

.venv: .venv/.runs

.venv/.runs: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r constraints.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.tests: .venv/.runs constraints-dev.txt
	$(PIP) install --require-hashes -r constraints-dev.txt
	@touch $@

demo: .venv/.runs
	@exec $(BIN)/remora demo

test: .venv/.tests
	$(BIN)/python -m pytest --numprocesses auto

check: .venv/.tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.tests
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/.tests
	$(BIN)/python -m bench --write

bench-quick: .venv/.tests
	$(BIN)/python -m bench --quick

# Names, versions and hashes only: no registry's address.
PIN := $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-options --extra build

constraints: .venv
	$(PIP) install pip-tools
	$(PIN) --output-file constraints.txt pyproject.toml
	$(PIN) --extra otel --extra test --extra bench --extra lint --constraint constraints.txt --output-file constraints-dev.txt pyproject.toml

clean:
	rm -rf .venv .data bench/.cache

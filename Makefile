# The commands for contributors; CONTRIBUTING.md explains them.

PYTHON = python3
BIN = .venv/bin
PACKAGES = $(wildcard packages/*)
INSTALLED = .venv/installed

.PHONY: help dev test check docs site bench

help:
	@echo "make dev    create a development environment in .venv"
	@echo "make test   run the unit tests (ARGS=... for pytest)"
	@echo "make check  run formatter, linters and type checker"
	@echo "make docs   write what is generated in docs, and man pages and completions"
	@echo "make site   show the documentation as a site, on a port of this machine"
	@echo "make bench  run the benchmarks (ARGS=... for benchmarks/run.py)"

dev: $(INSTALLED)

$(INSTALLED): pyproject.toml $(PACKAGES:=/pyproject.toml)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev $(PACKAGES:%=-e %)
	touch $@

test: $(INSTALLED)
	$(BIN)/python -m pytest -n auto --ignore=tests/alone --ignore=tests/cluster --ignore=tests/conformance --ignore=tests/packaging --ignore=tests/site --ignore=tests/stores $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(INSTALLED)
	$(BIN)/python docs/update_help.py
	$(BIN)/python docs/update_examples.py
	$(BIN)/python docs/update_manuals.py
	$(BIN)/python docs/update_results.py

site: $(INSTALLED)
	$(BIN)/mkdocs serve

bench: $(INSTALLED)
	$(BIN)/python benchmarks/run.py $(ARGS)

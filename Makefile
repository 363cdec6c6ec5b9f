# The doors: run, test, test-long, check, bench. Everything they need they install themselves.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
export PORT HOST DATA_DIR RATE

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
FRONTEND := frontend
SOURCES := $(shell find $(FRONTEND)/src $(FRONTEND)/public $(FRONTEND)/index.html -type f 2>/dev/null)

.PHONY: help run test test-long check bench types format clean

help: ## says what the doors are
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(STAMPS)/runtime $(FRONTEND)/dist/index.html ## installs, builds and serves at http://localhost:8080 (PORT, HOST, DATA_DIR)
	@exec $(BIN)/parley serve

test: $(STAMPS)/dev $(STAMPS)/chromium $(FRONTEND)/dist/index.html ## runs the tests
	cd $(FRONTEND) && npm test --silent
	$(BIN)/pytest -n 2 --dist loadgroup -m "not long"

test-long: $(STAMPS)/dev $(STAMPS)/chromium $(FRONTEND)/dist/index.html ## runs the thousand-case properties and the kill series
	$(BIN)/pytest -m long --timeout 900

check: $(STAMPS)/dev $(STAMPS)/npm ## lint, types, layers, stale generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_generated
	cd $(FRONTEND) && npm run --silent check

bench: $(STAMPS)/dev $(FRONTEND)/dist/index.html ## prints the table of docs/performance.md
	$(BIN)/python -m bench $(BENCH)

types: $(STAMPS)/dev $(STAMPS)/npm ## writes JSON Schemas and TypeScript types from the wire models
	$(BIN)/python -m tools.generate_wire docs/schema
	cd $(FRONTEND) && npm run --silent types

format: $(STAMPS)/dev $(STAMPS)/npm ## formats all code
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	cd $(FRONTEND) && npx prettier --write --log-level warn .

lock: $(STAMPS)/dev ## locks the Python packages of pyproject.toml
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-header -o requirements.lock
	uv pip compile -q pyproject.toml --group dev --universal --generate-hashes --no-header -o requirements-dev.lock

clean: ## removes what was built and installed; the data stay
	rm -rf $(VENV) $(STAMPS) $(FRONTEND)/node_modules $(FRONTEND)/dist

$(STAMPS)/venv:
	@mkdir -p $(STAMPS)
	@tools/find_uv.sh >/dev/null
	$$(tools/find_uv.sh) venv -q --allow-existing --python "$(PYTHON)" $(VENV)
	@touch $@

$(STAMPS)/runtime: requirements.lock pyproject.toml | $(STAMPS)/venv
	$$(tools/find_uv.sh) pip install -q --python $(BIN)/python --require-hashes -r requirements.lock
	$$(tools/find_uv.sh) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/runtime
	$$(tools/find_uv.sh) pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/npm: $(FRONTEND)/package-lock.json
	@mkdir -p $(STAMPS)
	cd $(FRONTEND) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/chromium:
	@mkdir -p $(STAMPS)
	tools/install_chromium.sh
	@touch $@

$(FRONTEND)/dist/index.html: $(STAMPS)/npm $(SOURCES)
	cd $(FRONTEND) && npm run --silent build
	@touch $@

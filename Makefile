# Commands for users and developers; `make help` lists them. Each installs what it needs.
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
SAM := .tools/sam/bin/sam
STACK_PORT ?= 8090
ARCHITECTURE ?= arm64
ENV ?= dev
SOURCES := $(shell find $(FRONTEND)/src $(FRONTEND)/public $(FRONTEND)/index.html $(FRONTEND)/vite.config.ts $(FRONTEND)/scripts -type f 2>/dev/null)

.PHONY: help run test test-stack test-long test-runbooks mutants check bench stack build deploy smoke invoke validate types format clean

help: ## lists the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(STAMPS)/runtime $(FRONTEND)/dist/index.html ## installs, builds and serves at http://localhost:8080 (PORT, HOST, DATA_DIR)
	@exec $(BIN)/parley serve

test: $(STAMPS)/dev $(STAMPS)/chromium $(STAMPS)/emulators $(FRONTEND)/dist/index.html ## runs the tests except those of the emulated stack
	cd $(FRONTEND) && npm test --silent
	$(BIN)/pytest -n 2 --dist loadgroup -m "not long and not runbooks and not stack"

test-stack: $(STAMPS)/dev $(STAMPS)/chromium $(STAMPS)/emulators $(FRONTEND)/dist/index.html ## runs the tests that build the functions and deploy the emulated stack
	$(BIN)/pytest -n 2 --dist loadgroup -m "stack and not long and not runbooks"

test-long: $(STAMPS)/dev $(STAMPS)/chromium $(STAMPS)/emulators $(FRONTEND)/dist/index.html ## runs the thousand-case properties, the kill series and the slow browser tests
	$(BIN)/pytest -m "long and browser" --timeout 900
	$(BIN)/pytest -n 2 --dist loadgroup -m "long and not browser" --timeout 900

test-runbooks: $(STAMPS)/dev $(STAMPS)/emulators ## runs the commands of docs/runbooks on the emulated stack
	$(BIN)/pytest -m runbooks

mutants: $(STAMPS)/dev $(STAMPS)/npm ## inserts small faults, one at a time, and reports which ones the tests miss (SEED, SIZE)
	$(BIN)/python -m tools.mutants $(if $(SEED),--seed $(SEED)) $(if $(SIZE),--size $(SIZE))
	cd $(FRONTEND) && npm run --silent --if-present mutants

check: $(STAMPS)/dev $(STAMPS)/npm ## lint, types, layers, lengths of modules, stale generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_lengths
	$(BIN)/python -m tools.event_forms --check
	$(BIN)/python -m tools.check_generated
	$(BIN)/python -m tools.cost --check
	cd $(FRONTEND) && npm run --silent check

bench: $(STAMPS)/dev $(FRONTEND)/dist/index.html ## prints the tables of docs/performance.md; PEERS=1: compared with prosody and Redis
	$(BIN)/python -m bench$(if $(PEERS),.peers) $(BENCH)

stack: $(STAMPS)/dev $(STAMPS)/sam $(STAMPS)/ministack $(FRONTEND)/dist/index.html ## deploys the AWS stack into an emulator on this machine and serves it at http://127.0.0.1:8090 (STACK_PORT)
	@exec $(BIN)/python -m tools.stack --port $(STACK_PORT)

build: $(STAMPS)/dev $(STAMPS)/sam ## builds the functions of the AWS stack (ARCHITECTURE)
	$(BIN)/python -m tools.stack.building --architecture $(ARCHITECTURE)

validate: $(STAMPS)/sam ## validates the templates
	for template in template.yaml infra/*.yaml; do \
	    AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(SAM) validate --lint -t $$template; done

deploy: build $(FRONTEND)/dist/index.html ## deploys the stacks to the AWS account that the environment names (ENV)
	$(BIN)/python -m tools.stack.account --environment $(ENV) $(if $(UNATTENDED),--unattended)

smoke: $(STAMPS)/dev ## sends one message through the deployed stack (ENV), as `make deploy` does at its end
	$(BIN)/python -m tools.stack.account --environment $(ENV) --smoke

invoke: $(STAMPS)/dev $(STAMPS)/sam ## runs one function in a Lambda-like container: FUNCTION=deliver EVENT=one-message STACK=http://127.0.0.1:PORT (docs/aws.md)
	@$(BIN)/python -m tools.stack.invoking $(FUNCTION) $(EVENT) $(if $(STACK),--stack $(STACK))

types: $(STAMPS)/dev $(STAMPS)/npm ## writes JSON Schemas, TypeScript types and the tables of docs/events.md, and golden files of new events
	$(BIN)/python -m tools.event_forms
	$(BIN)/python -m tools.generate_wire docs/schema
	cd $(FRONTEND) && npm run --silent types

format: $(STAMPS)/dev $(STAMPS)/npm ## formats all code
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	cd $(FRONTEND) && npx prettier --write --log-level warn .

lock: $(STAMPS)/dev ## locks the Python packages of pyproject.toml
	uv pip compile -q pyproject.toml --universal --generate-hashes --no-header -o requirements.lock
	uv pip compile -q pyproject.toml --group dev --universal --generate-hashes --no-header -o requirements-dev.lock
	uv pip compile -q artifact/requirements.in --universal --generate-hashes --no-header --python-version 3.13 -o artifact/requirements.txt
	for tool in sam ministack aws; do uv pip compile -q tools/locks/$$tool.in --universal --generate-hashes --no-header --python-version 3.13 -o tools/locks/$$tool.lock; done

clean: ## removes everything that was built and installed; keeps the data
	rm -rf $(VENV) $(STAMPS) .tools .aws-sam $(FRONTEND)/node_modules $(FRONTEND)/dist

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

# Tools with their own environments, because they pin their dependencies; Python 3.13 is the
# functions' runtime.
$(STAMPS)/sam $(STAMPS)/ministack $(STAMPS)/aws: $(STAMPS)/%: tools/locks/%.lock
	@mkdir -p $(STAMPS)
	$$(tools/find_uv.sh) venv -q --allow-existing --python "$$(tools/find_python313.sh)" .tools/$*
	$$(tools/find_uv.sh) pip install -q --compile-bytecode --python .tools/$*/bin/python --require-hashes -r $<
	@touch $@

# Tests that need one of these are skipped, with a message, if it cannot be installed.
$(STAMPS)/emulators: tools/locks/sam.lock tools/locks/ministack.lock tools/locks/aws.lock
	@mkdir -p $(STAMPS)
	$(MAKE) --no-print-directory $(STAMPS)/sam $(STAMPS)/ministack $(STAMPS)/aws || echo "the stack tests will be skipped"
	tools/install_dynamodb_local.sh
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

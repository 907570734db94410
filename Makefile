# Two commands for everybody:  make demo   make test
# Everything they need they install themselves; what they cannot install they name.

PYTHON ?=
ifeq ($(PYTHON),)
# The first that runs: a name on the PATH may belong to a version manager that does not use it.
PYTHON := $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-input
DESKTOP_SOURCES := $(shell find desktop -path desktop/node_modules -prune -o -type f -print 2>/dev/null)
PYTEST := $(BIN)/python -m pytest
# Groups of tests side by side, one more than there are processors, since they often wait; then those
# with real calls, an Asterisk each; then those that keep time under load or measure it, by
# themselves. `make test JOBS=0`: all one after the other. `long` is for `make faults`.
JOBS ?= 3
INPUTS ?= 1000000
SIDE_BY_SIDE := $(if $(filter-out 0,$(JOBS)),-n $(JOBS) --dist loadgroup --no-loadscope-reorder)
# Where an image forbids it (as some do), each of the many processes that tests start would compile
# this house and rewrite every assertion anew.
export PYTHONDONTWRITEBYTECODE :=
PACKAGES := calls storage config ami_bridge crm_adapter scoring ivr screenpop supervisor switchboard

.DEFAULT_GOAL := help
.PHONY: help install demo demo-cluster test servers desktop-check fuzz audit test-odoo faults-smoke faults soak gates kill-matrix faults-programs check lint unit bench pictures crm-table desktop lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime screenpop/static/index.html ## a running centre with real calls; ends with Ctrl-C
	@deploy/install-programs.sh sipp flite espeak-ng
	@deploy/fetch-asterisk.sh >/dev/null
	@$(BIN)/switchboard demo $(DEMO_ARGS)

demo-cluster: $(VENV)/.runtime screenpop/static/index.html ## two nodes, two Asterisks, PostgreSQL, Redis; Enter kills a node
	@deploy/install-programs.sh sipp flite espeak-ng redis-server postgres
	@deploy/fetch-asterisk.sh >/dev/null
	@$(BIN)/switchboard demo --cluster $(DEMO_ARGS)

test: ## everything CI runs, on the real Asterisk and a real browser
	@deploy/install-programs.sh sipp flite espeak-ng redis-server postgres chromium curl node npm
	@echo "making ready: packages, the desktop, Asterisk, Odoo and Tryton; and what needs no call: types, style, the desktop's tests"
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target servers desktop-check lint
	@failed=0; \
	$(PYTEST) $(SIDE_BY_SIDE) -m 'not acceptance and not alone and not long' tests --ignore tests/acceptance || failed=$$?; \
	$(PYTEST) $(SIDE_BY_SIDE) -m 'acceptance and not alone and not long' tests/acceptance tests/faults || failed=$$?; \
	$(PYTEST) -m 'alone and not long' tests/acceptance tests/faults || failed=$$?; \
	exit $$failed

fuzz: $(VENV)/.dev ## a million inputs for each parser, some minutes each; INPUTS=10000 for fewer
	@$(BIN)/python -m tests.fuzz.run all --inputs $(INPUTS) --json tests/fuzz/results.json
	@$(BIN)/python -m tests.fuzz.table

audit: $(VENV)/.runtime requirements-audit.lock ## bills of materials (var/sbom) and known holes of what is pinned; asks osv.dev and npm
	@deploy/install-programs.sh node npm
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/pip install --quiet --disable-pip-version-check --no-input --require-hashes --requirement requirements-audit.lock
	@$(BIN)/python -m tests.architecture.audit $(AUDIT_ARGS)

servers: $(VENV)/.dev
	@deploy/fetch-asterisk.sh >/dev/null
	@$(BIN)/python -m tests.servers.odoo
	@$(BIN)/python -m tests.servers.tryton

desktop-check: screenpop/static/index.html
	@cd desktop && npm run --silent check

test-odoo: $(VENV)/.dev ## what is shown on a real Odoo 19 alone; part of `test`
	@deploy/install-programs.sh postgres
	@$(BIN)/python -m tests.servers.odoo
	@$(PYTEST) -m odoo tests

faults-smoke: faults-programs ## a minute of faults; part of `test`
	@$(PYTEST) -m smoke tests/faults

faults: faults-programs ## every fault of the catalogue, those that take long too, and the other tests that do
	@$(BIN)/python -m tests.servers.odoo
	@$(BIN)/python -m tests.servers.tryton
	@failed=0; \
	$(PYTEST) $(SIDE_BY_SIDE) -m 'not alone' tests/faults || failed=$$?; \
	$(PYTEST) -m alone tests/faults || failed=$$?; \
	$(PYTEST) -m long tests --ignore tests/faults || failed=$$?; \
	exit $$failed

soak: faults-programs ## two hours of calls with a fault each minute; MINUTES=480 for more
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),120)

gates: faults-programs ## the goals under load, four hours; goes on next time where it is broken off today. GATES="--only flood"
	@$(BIN)/python -m benchmarks gates --continue $(GATES)

kill-matrix: faults-programs ## a thousand deaths; the table of docs/operations.md. MINUTES=30: goes on next time
	@$(BIN)/python -m benchmarks.kill_matrix --minutes $(or $(MINUTES),600)

faults-programs: $(VENV)/.dev screenpop/static/index.html
	@deploy/install-programs.sh sipp flite espeak-ng redis-server postgres chromium faketime
	@deploy/fetch-asterisk.sh >/dev/null

check: $(VENV)/.dev lint unit ## fast: lint, types, unit tests

lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-timing 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python -m tests.architecture.sizes

unit: $(VENV)/.dev
	@$(PYTEST) -q tests/unit tests/architecture

bench: $(VENV)/.dev screenpop/static/index.html ## every figure of the README into benchmarks/RESULTS.md
	@deploy/install-programs.sh sipp flite espeak-ng chromium
	@deploy/fetch-asterisk.sh >/dev/null
	@$(BIN)/python -m benchmarks

pictures: $(VENV)/.dev screenpop/static/index.html ## the pictures of README.md and docs/, from the tests that make them
	@deploy/install-programs.sh sipp chromium flite espeak-ng chinese-font
	@deploy/fetch-asterisk.sh >/dev/null
	@$(BIN)/python -m tests.pictures

crm-table: $(VENV)/.dev ## the README's table of CRMs and their pages' gaps, from a run of the kit
	@$(PYTEST) -q tests/contracts/test_crm_adapter.py tests/contracts/test_crm_writes.py \
		tests/contracts/test_crm_faults.py tests/contracts/test_crm_rights.py \
		--crm-table docs/crm/kit.json
	@$(BIN)/python -m benchmarks.crm_table

install: $(VENV)/.runtime screenpop/static/index.html ## the command `.venv/bin/switchboard` and the desktop, nothing started
	@deploy/install-programs.sh flite espeak-ng

desktop: screenpop/static/index.html ## the agent desktop, built

screenpop/static/index.html: $(DESKTOP_SOURCES)
	@deploy/install-programs.sh node npm
	@cd desktop && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

# The runtime's packages alone, so that a first demo starts sooner.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install python3 and python3-venv"; exit 1; }
	@test -x $(BIN)/python || { echo "making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the pinned packages"
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

lock: $(VENV)/.dev ## new lock files from pyproject.toml, hashes and no addresses
	@$(PIP) uv
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header pyproject.toml --extra build --extra dev --extra train --extra cluster -o requirements-dev.lock
	@$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header -c requirements-dev.lock pyproject.toml --extra fuzz -o requirements-fuzz.lock
	@printf 'cyclonedx-bom>=7\npip-audit>=2.10\n' | $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-header - -o requirements-audit.lock

clean: ## what was built; the fetched Asterisk stays in the cache folder
	@rm -rf $(VENV) .venv-audit var screenpop/static desktop/node_modules *.egg-info

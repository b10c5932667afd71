# Everything happens in .venv, made from requirements.lock. `make PYTHON=python3.12 install` takes another Python.
PYTHON ?= python3
ARGS ?=
UV := uv==0.13.8
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install run check test chaos bench schema demo lock graphiql clients audit clean

help: ## Print this
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

install: $(INSTALLED) ## Make the environment, unless it is up to date

# The editable project alone would not notice a changed lock, nor the lock a changed project: hence both.
$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Aurum needs Python 3.11 or later, and $(PYTHON) is not: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	@echo "Installing into .venv; the first time takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install ## Start everything on this machine, with a week of demo data; Ctrl-C ends it
	@$(BIN)/aurum up $(ARGS)

demo: install ## Load a week of demo workbooks into the configured database
	@$(BIN)/aurum demo $(ARGS)

check: install ## Lint, format, types, import contracts, printed schema
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/aurum schema --check

test: install ## Run the tests; ARGS="-k curves" goes to pytest
	@tests/install-servers || [ -z "$$CI" ]
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

chaos: install ## Kill everything 200 times while files are loaded; AURUM_KILLS=20 AURUM_SEED=7 to repeat some
	AURUM_KILLS=$${AURUM_KILLS:-200} $(BIN)/python -m pytest -s --timeout 7200 tests/ingestion/test_kill.py tests/flows/test_kill.py \
	  tests/api/test_chaos.py $(ARGS)

bench: install ## Measure, in ratios of one run; ARGS=backfill, catalogue, desk, fanout, responsive, simulation or "peers --quick" measures that alone
	$(BIN)/python -m tests.bench $(ARGS)

schema: install ## Print schema.graphql again
	$(BIN)/aurum schema --write

lock: ## Compile requirements.lock from pyproject.toml; ARGS=--upgrade takes newer versions
	@set -eu; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	$(PYTHON) -m venv "$$tmp/venv"; "$$tmp/venv/bin/pip" install --quiet $(UV); \
	cp requirements.lock "$$tmp/lock" 2>/dev/null || true; \
	"$$tmp/venv/bin/uv" pip compile --quiet pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
	  --output-file "$$tmp/lock" $(ARGS); \
	if grep -nE '://|^ *(-[a-z]|--(index|extra-index|find|trusted))' "$$tmp/lock"; then \
	  echo "The lock names an address: not written." >&2; exit 1; fi; \
	mv "$$tmp/lock" requirements.lock

graphiql: ## Rebuild the GraphiQL page; needs Node and npm
	cd aurum/web/source && npm ci && npm run build

clients: install ## Generate, compile and run clients, and lint the schema; needs Node and npm
	AURUM_CLIENTS=1 $(BIN)/python -m pytest tests/clients $(ARGS)

audit: install ## Have the server audited: graphql-http, schemathesis, graphql-cop's checks; needs Node and npm
	AURUM_AUDITS=1 $(BIN)/python -m pytest tests/audits tests/api/test_audits.py $(ARGS)

clean: ## Remove the environment, caches and builds; data (var/) stays
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis aurum/web/source/node_modules \
	  tests/clients/generated
	find tests \( -name node_modules -o -name .environments -o -name .hypothesis -o -name .schemathesis \) -type d -prune -exec rm -rf {} +
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

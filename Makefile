# Dragoman. `make` lists the targets.
TESTED := 3.13 3.12 3.11
PYTHON ?= $(shell for version in $(TESTED); do python=$$(command -v python$$version) && $$python -c 'import ensurepip, venv' 2>/dev/null && { echo $$python; exit; }; done; command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
DATA ?= build/demo
PORT ?= 8470
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); echo $$((cores < 4 ? 3 * cores : 12)))
IMAGE_PYTHON ?= 3.13

unexport PYTHONDONTWRITEBYTECODE # all workers read what one has compiled

.DEFAULT_GOAL := help
.PHONY: help setup assets run test affected compiled unit newyear faults long soak mutants model check format bench catalogues screenshots schemas site lock wheels release audit clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	@touch $@

$(VENV)/.runtime: $(VENV)/.uv requirements/runtime.lock requirements/build.lock pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/runtime.lock -r requirements/build.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q services schemas
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@

ASSETS := services/dragoman/console/static/vendor/swagger-ui.css

$(ASSETS): package-lock.json deploy/release/land.mjs
	@$(PYTHON) deploy/release/assets.py

node_modules/.package-lock.json: package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent && touch $@; else echo "npm is not here: what it checks is not checked"; fi

setup: $(VENV)/.dev ## Set everything up

assets: $(ASSETS) ## Fetch what the pages show that is not ours (needs npm)

run: $(VENV)/.runtime $(ASSETS) ## Run the demonstration on the embedded broker
	$(BIN)/dragoman up --demo --data $(DATA) --port $(PORT)

PLAIN := services schemas tests docs README.md CONTRIBUTING.md CHANGELOG.md

check: $(VENV)/.dev ## Check types, style, plain words and the direction of imports
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/support/import_contracts.py
	$(BIN)/python tests/support/plain_words.py $(PLAIN)

GROUPED := --dist loadgroup
TWICE := --reruns 1 --max-suite-reruns 5 -r aR
UNIT := $(wildcard $(addprefix tests/,domain tlog members interop reports api application console golden test_catalogues.py test_plain_words.py test_spec_catalogue.py test_words_and_vocabulary.py test_refusals.py test_security_page.py test_text.py))

unit: $(VENV)/.dev ## Run the tests of rules, tree, formats, reports and words: two minutes
	$(BIN)/pytest -n 2 $(GROUPED) $(UNIT)

test: $(VENV)/.dev node_modules/.package-lock.json $(ASSETS) ## Check, and run all tests
	@$(MAKE) --no-print-directory -j2 check compiled
	@echo "all tests: about 20 minutes on two cores, longer on busy ones"
	$(BIN)/pytest -n $(WORKERS) $(GROUPED) $(TWICE) $(TESTS)

affected: $(VENV)/.dev node_modules/.package-lock.json $(ASSETS) ## Run the tests of what you changed since main, or SINCE=COMMIT, and say why; LIST=1 only lists them
	@tests=$$($(BIN)/python tests/support/affected.py $(if $(SINCE),--since $(SINCE))) && \
	if [ -z "$$tests" ]; then echo "no test has to run"; elif [ -n "$(LIST)" ]; then echo "$$tests"; else $(BIN)/pytest -n $(WORKERS) $(GROUPED) $$tests; fi

compiled:
	@$(BIN)/python -m compileall -q services schemas tests
	@$(BIN)/pytest --collect-only -q >/dev/null || true # the run itself shows why

newyear: $(VENV)/.dev ## Run tests at the turn of the year, without Chromium: TESTS=tests/live, or all (needs Debian's faketime)
	$(BIN)/python tests/newyear.py -n $(WORKERS) $(GROUPED) $(TESTS)

faults: $(VENV)/.dev ## Break everything, many times; the long forms of tests/faults and tests/stations, of the log's contract and of the model
	$(BIN)/pytest tests/faults tests/stations tests/contract tests/live/test_failover.py tests/live/test_model.py --long

long: $(VENV)/.dev ## Run the tests that are marked as long, and those that `make test` leaves out while nothing changed
	$(BIN)/pytest -n $(WORKERS) $(GROUPED) -m long --long $(TESTS)
	$(BIN)/pytest -n $(WORKERS) $(GROUPED) -m reads $(TESTS)

soak: $(VENV)/.dev ## Ten minutes of traffic and faults: everything delivered, nothing twice
	$(BIN)/pytest tests/faults/test_soak.py --long

mutants: $(VENV)/.dev ## Change every rule, one at a time, and see that a test of the domain notices
	$(BIN)/python tests/mutants/hunt.py $(MUTANTS)

model: $(VENV)/.dev ## Search every state of append, outbox and handover, with each rule and without (needs Debian's spin and gcc)
	$(BIN)/python tests/model/check.py

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format --quiet
	$(BIN)/ruff check --quiet --fix-only

build/peers/.installed: $(VENV)/.uv requirements/peers.lock
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/peers
	$(BIN)/uv pip install --quiet --compile-bytecode --python build/peers/bin/python --require-hashes -r requirements/peers.lock
	@touch $@

bench: $(VENV)/.dev $(if $(findstring peers,$(BENCH)),build/peers/.installed) ## Measure, print a table, write build/bench.json; BENCH=peers installs others to compare with (needs Debian's postgresql)
	$(BIN)/python tests/bench/bench.py $(BENCH)

schemas: $(VENV)/.dev ## Generate schemas/published, build/schemas, the reference pages and the dashboard; write golden records that are missing
	$(BIN)/python -m dragoman.office.generate_docs
	PYTHONPATH=tests/support $(BIN)/python tests/support/frozen_names.py
	PYTHONPATH=tests/support $(BIN)/python tests/support/golden_records.py
	$(BIN)/python deploy/grafana/dashboard.py
	$(BIN)/python docs/site/command_line.py

site: $(VENV)/.dev ## Build the documentation site into build/site; every warning fails
	$(BIN)/python docs/site/build.py build/site

catalogues: $(VENV)/.dev ## Bring the three catalogues up to date with what pages and reports say
	$(BIN)/python -m dragoman.i18n.catalogue

screenshots: $(VENV)/.dev ## Every page in three languages, light and dark, into build/screenshots (needs chromium)
	$(BIN)/python tests/browser/screenshots.py

lock: $(VENV)/.uv ## Lock the requirements anew, with hashes
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra embedded --extra fast --extra notify -o requirements/runtime.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra embedded --extra fast --extra notify --group dev -o requirements/dev.lock pyproject.toml requirements/build.in
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --constraint requirements/dev.lock -o requirements/build.lock requirements/build.in
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --constraint requirements/dev.lock -o requirements/peers.lock requirements/peers.in

SOURCES := ^nkeys==
wheels: $(VENV)/.uv $(ASSETS) ## Put the program and all that it needs into build/wheels, for an image
	rm -rf build/wheels && mkdir -p build/wheels
	awk '/^[^ #]/ {take = /$(SOURCES)/} take' requirements/runtime.lock > build/sources.txt
	awk '/^[^ #]/ {take = !/$(SOURCES)/} take' requirements/runtime.lock > build/binaries.txt
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: --python-version $(IMAGE_PYTHON) --dest build/wheels -r build/binaries.txt
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --require-hashes --no-deps --wheel-dir build/wheels -r build/sources.txt
	$(BIN)/uv build --quiet --wheel --out-dir build/wheels .

release: $(VENV)/.dev ## Build a release of the newest commit into dist, twice, and compare; SIGN=KEY of minisign signs it
	$(BIN)/python deploy/release/release.py $(if $(SIGN),--sign $(SIGN)) $(if $(HOME_URL),--home-url $(HOME_URL)) $(if $(CANDIDATE),--candidate)

audit: $(VENV)/.dev ## Compare what is locked with advisories; ADVISORIES names the archives that you fetched
	$(BIN)/python deploy/release/advisories.py $(ADVISORIES)

clean: ## Throw away what was built; the data of a demonstration too
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

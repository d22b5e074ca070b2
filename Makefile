# The whole workflow. `make` alone prints what there is. Needs Python 3.11+, make and a package index.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# What `make bench` measures with: `make bench FEEDS=50 SIZES="20 60" STORIES="500 1500" …` shows it in minutes.
RESULTS := benchmarks/results
FEEDS ?= 1000
SIZES ?= 100 1000 10000
STORIES ?= 10000 100000 1000000
WAITING ?= 100000
ROUNDS ?= 3
SECONDS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install demo serve test test-browser bench bench-desk check cover fuzz week chaos load soak audit lock wheel clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with everything, pinned by hash

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "huoban: Python 3.11 or newer is needed; set PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "huoban: this Python cannot make virtual environments; install your system's python3-venv package" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install ## show all of it on a temporary database; no internet needed
	@$(BIN)/huoban demo

serve: install ## the real thing: SQLite in data/, the feeds of feeds.yaml
	@$(BIN)/huoban serve

test: install ## run the tests (PostgreSQL's too where its server is installed)
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

test-browser: install ## drive the desk in Chromium, installed by its package where root may do that
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	$(BIN)/python -m pytest -n 2 tests/browser

bench: install ## every benchmark, its target and the chart in docs/performance.md; FEEDS, STORIES … for small sizes
	$(BIN)/python -m benchmarks.report --machine
	$(BIN)/python -m benchmarks.ingest --feeds $(FEEDS) --rounds $(ROUNDS) --json $(RESULTS)/ingest.json
	$(BIN)/python -m benchmarks.ingest --sizes $(SIZES) --json $(RESULTS)/ingest_sizes.json
	$(BIN)/python -m benchmarks.serving --seconds $(SECONDS) --rounds $(ROUNDS) --json $(RESULTS)/serving.json
	$(BIN)/python -m benchmarks.desk --stories $(STORIES) --json $(RESULTS)/desk_sqlite.json
	$(BIN)/python -m benchmarks.desk --stories $(STORIES) --database postgresql --json $(RESULTS)/desk_postgresql.json
	$(BIN)/python -m benchmarks.desk_shift --waiting $(WAITING) --json $(RESULTS)/desk_shift.json
	$(BIN)/python -m benchmarks.report

bench-desk: install ## a shift of 50 stories with real keys: how long an editor waits for the machine
	$(BIN)/python -m benchmarks.desk_shift

check: install ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup tests/contracts

cover: install ## the tests with branch coverage
	$(BIN)/coverage run -m pytest -q && $(BIN)/coverage report --show-missing --skip-covered

fuzz: install ## throw damaged feed documents at the parser for five minutes, or HUOBAN_FUZZ_SECONDS
	HUOBAN_FUZZ_SECONDS=$${HUOBAN_FUZZ_SECONDS:-300} $(BIN)/python -m pytest -q tests/fuzz

week: install ## live through a simulated week of 1,000 feeds with faults, or HUOBAN_WEEK_FEEDS
	HUOBAN_WEEK_FEEDS=$${HUOBAN_WEEK_FEEDS:-1000} $(BIN)/python -m pytest -q --durations=1 tests/week

chaos: install ## kill processes at random, 200 times or HUOBAN_CHAOS_KILLS, while people work
	HUOBAN_CHAOS_FEEDS=$${HUOBAN_CHAOS_FEEDS:-1000} HUOBAN_CHAOS_KILLS=$${HUOBAN_CHAOS_KILLS:-200} $(BIN)/python -m pytest -q tests/chaos

load: install ## fifty editors and two hundred readers for ten minutes, or HUOBAN_LOAD_SECONDS; DATABASE=postgresql
	$(BIN)/python -m benchmarks.desk_editors --editors 50 --pause 2 --readers 200 --seconds $${HUOBAN_LOAD_SECONDS:-600} --database $${DATABASE:-sqlite}

soak: install ## an hour, or HUOBAN_SOAK_SECONDS, of editors and readers: memory must stay flat within 5 %
	$(BIN)/python -m benchmarks.desk_editors --editors 20 --pause 1 --readers 50 --seconds $${HUOBAN_SOAK_SECONDS:-3600} --flat 5 --database $${DATABASE:-sqlite}

audit: install ## ask for known weaknesses of what we install, and write its bill of materials to dist/
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements/run.txt --progress-spinner off
	$(BIN)/python tools/make_sbom.py requirements/run.txt dist/huoban.cdx.json

lock: install ## resolve the versions anew into requirements/
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command 'make lock' pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --upgrade --extra dev --custom-compile-command 'make lock' pyproject.toml -o requirements/dev.txt

wheel: install ## build dist/huoban-*.whl
	@rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation

clean: ## remove what the other targets made, but never data/
	rm -rf .venv dist build htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

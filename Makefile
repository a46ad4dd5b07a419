# The visible shell. `make` alone prints this help.
PYTHON ?= python3
BIN := .venv/bin
RUNS := .venv/ready
TESTS := .venv/ready-dev
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help env run test test-long coverage check format bench bench-formulas bench-models league docs notes clean

help:  ## show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(TESTS)  ## create .venv with pinned versions, and what developers need

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "engine: Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

# What a run needs, and nothing that only developers do.
$(RUNS): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $(RUNS)

$(TESTS): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $(RUNS) $(TESTS)

run: $(RUNS)  ## run the main bundle: from bars to report
	$(BIN)/engine run +bundle=ai_tech_core_ml

test: $(TESTS)  ## run the tests, but for long simulations
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-long: $(TESTS)  ## run all tests, long simulations too
	$(BIN)/python -m pytest -n 2 --dist worksteal

coverage: $(TESTS)  ## which lines the tests run: htmlcov/index.html
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" --cov --cov-report=term:skip-covered --cov-report=html

check: $(TESTS)  ## lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TESTS)  ## format and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(TESTS)  ## time the command line, the account, rank ICs, a 500 x 2520 run, statistics of many trials
	$(BIN)/python benchmarks/command_line.py
	$(BIN)/python benchmarks/account.py
	$(BIN)/python benchmarks/rank_ic.py
	$(BIN)/python benchmarks/main_job.py
	$(BIN)/python benchmarks/validation.py

bench-formulas: $(TESTS)  ## formulas against pandas, polars, bottleneck, numbagg and KunQuant (needs g++)
	$(PIP) --editable '.[bench]'
	$(BIN)/python benchmarks/formulas.py

bench-models: $(TESTS)  ## walk-forward trainings against loops of scikit-learn, pandas and XGBoost
	$(BIN)/python benchmarks/models.py

league: $(TESTS)  ## every built-in model on real bars, side by side: hours, and resumed where it stopped
	$(BIN)/python benchmarks/league.py

docs: $(TESTS)  ## run the examples of the documents, and redraw their picture
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_house.py
	$(BIN)/engine run +bundle=us_large_core_ml hydra.run.dir=outputs/docs
	cp outputs/docs/report.png docs/report.png

notes:  ## print the newest section of the changelog: the notes of a release
	@awk '/^## / {sections++} sections == 1' CHANGELOG.md

clean:  ## remove .venv, caches and outputs
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov outputs/*

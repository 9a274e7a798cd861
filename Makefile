# Every target sets up what it needs: all that must be there is Python 3.11 or newer (PYTHON=… chooses one).
PYTHON ?= python3
BIN    := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: setup demo test test-statistical test-properties test-spark check bench docs

setup: .venv/.dev                ## a virtual environment with the exact versions of constraints.txt

demo: .venv/.dev                 ## the example shop: 8 turns of the loop, then the plan that waits for a person
	bash docs/demo.sh $(abspath $(BIN)/alamo) demo

test: .venv/.dev                 ## everything but the statistical suite and that on Spark
	$(BIN)/pytest -n 2 --dist worksteal -m "not statistical and not spark"

test-statistical: .venv/.dev     ## coverage, type-I error, calibration; ALAMO_SEEDS sets the replications
	$(BIN)/pytest -n 2 --dist worksteal -m statistical

test-properties: .venv/.dev      ## what holds for every decision and plan, each on 10,000 random instances
	ALAMO_EXAMPLES=$${ALAMO_EXAMPLES:-10000} $(BIN)/pytest -n 2 --dist worksteal -m "not statistical" tests/property/test_allocation.py tests/property/test_rule.py tests/property/test_steered_cycle.py

test-spark: .venv/.spark         ## on a real Spark, local[2]; without Java 17 it skips, or fails with ALAMO_SPARK_REQUIRED=1
	$(BIN)/pytest -m spark tests/integration/spark

check: .venv/.dev                ## what needs no run of the product: style, types, walls, documentation
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache && $(BIN)/pytest tests/architecture tests/docs

bench: .venv/.bench              ## figures beside named rivals, written to benchmarks/results
	for script in benchmarks/*.py; do $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done

docs: .venv/.dev                 ## the reference pages that are generated from the code, and what the tutorials print
	$(BIN)/python docs/generate.py && $(BIN)/python docs/notebooks.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

.venv/.spark: .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,spark]"
	touch $@

.venv/.bench: .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,bench,spark]"
	touch $@

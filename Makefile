# plkd on a fresh machine: Python 3.11 or later and make, nothing else.
#
#   make demo       train, annotate and evaluate on real cells, with a picture
#   make test       the quick tests
#   make check      what has to hold before a change is merged: lint, types, floors, tests
#
# Everything is installed into .venv beside this file, once; delete the folder to start afresh.
# Choose another interpreter with `make PYTHON=python3.12 test`, the demo's folder with
# `make OUT=somewhere demo`. A second demo replaces the first in the default folder; elsewhere say
# `make OUT=somewhere DEMO_ARGS=--overwrite demo`.

PYTHON ?= python3
VENV ?= .venv
OUT ?= plkd-demo
DEMO_ARGS ?= $(if $(filter plkd-demo,$(OUT)),--overwrite)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: help demo test test-real lint types floors check format clean

help:
	@sed -n '3,5s/^# *//p' Makefile

demo: $(VENV)/.installed
	$(BIN)/plkd demo --out $(OUT) $(DEMO_ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Long tests and those on real data; the latter need PLKD_DATA and say so where it is not set.
test-real: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "real_data or slow" $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

floors: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-logo

# All of it, in one pytest run: tests on real data are skipped, by name, without PLKD_DATA.
check: lint types floors
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# --- installation: each step leaves a stamp, so that the second time takes no time -------------

# torch comes first and is then held where it is: whatever depends on it would otherwise fetch
# another build of it. Where the pinned one does not exist for this Python, any torch will do.
$(VENV)/.installed-torch: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "plkd needs Python 3.11 or later: make PYTHON=python3.12 ..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing torch into $(VENV) (once; some minutes on a slow line)"
	$(PIP) --constraint constraints.txt torch || $(PIP) torch
	$(BIN)/python -m pip freeze | grep '^torch==' > $(VENV)/constraints.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.installed-torch pyproject.toml
	@echo "installing plkd into $(VENV)"
	$(PIP) --constraint $(VENV)/constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-torch pyproject.toml
	@echo "installing plkd and its tools into $(VENV)"
	$(PIP) --constraint $(VENV)/constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.installed

# Thin targets: the work is done by the tools they name. Only python3 and make are needed beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# A lock names every package there is to install. Without --no-deps, pip resolves extras anew and refuses what is newer than the lock.
INSTALL := $(PIP) install --no-deps --require-hashes

.PHONY: help demo test crash check bench picture lock format clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.runtime  ## plan and apply specs/ against the built-in sandbox
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/demo.sh

test: $(VENV)/.dev  ## all tests, with the coverage gate on the pure rooms
	$(BIN)/python -m pytest -n 2 --cov --cov-report= tests
	$(BIN)/python -m coverage report --include='provisioner/model/*,provisioner/kinds/*,provisioner/planning/*' --fail-under=95

LIVES := 100
LIFE := tests/protocol/test_protocol_life.py
DISK := tests/store/test_store_faults.py tests/store/test_store_corruption.py

crash: $(VENV)/.dev  ## kill, interrupt, race and starve the tool at every step of every scenario (docs/reliability.md)
	TEST_DEPTH=deep TEST_EXAMPLES=$(LIVES) $(BIN)/python -m pytest -n 2 --dist worksteal -m "crash_whole or crash_part" \
	    --no-header -q $(LIFE) tests/crash $(DISK)

check: $(VENV)/.dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev  ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.runtime  ## measure the budgets of the design
	$(BIN)/python -m benchmarks

picture: $(VENV)/.runtime  ## draw docs/plan.svg from a real plan
	$(BIN)/python docs/picture.py

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade

lock:  ## pin the newest allowed versions with hashes (needs uv)
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group build --group dev pyproject.toml -o requirements-dev.lock

$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PIP) check
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@$(INSTALL) -r requirements-dev.lock
	@$(PIP) check
	@touch $@

clean:  ## remove what make has made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

# Thin targets: the work is done by the tools they name. Only python3 and make are needed beforehand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SETUP := @$(PYTHON) -I locks/install.py

# Of other Pythons than ours: with these set, another's packages would be found before those of the locks.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONINSPECT PYTHONOPTIMIZE PYTHONSAFEPATH PYTHONPLATLIBDIR PYTHONUSERBASE

# Who wants no bytecode beside the sources gets it elsewhere: every process of the tests would compile all of them anew.
ifdef PYTHONDONTWRITEBYTECODE
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(shell pwd)/$(VENV)/bytecode
endif

FORCE:
.NOTPARALLEL:
.PHONY: FORCE lock-rest lock-heavy lock-contract help demo postgres heavy wheel smoke test quick pure traced untraced crash check bench picture reference lock format clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.runtime  ## plan and apply specs/ against the built-in sandbox
	@PATH="$$(pwd)/$(BIN):$$PATH" sh docs/demo.sh

PYTEST := $(BIN)/python -m pytest -n 2
QUICK := model kinds planning scenarios laws rendering secrets architecture
# The gate is met by these. Only they are traced, which doubles what a test costs; all others run as fast as they can, and so do
# those of applying that die at every step of every run: they pass through the same code again and again.
TRACED := model kinds planning scenarios rendering applying
# Of other folders, what tries modules of these rooms: the properties of approvals, and the reader of the user's configuration.
BESIDE := tests/laws/test_laws_approvals.py tests/loading/test_loading_user_configuration.py
DYING := $(patsubst %,tests/applying/test_applying_%.py,changes death together)
GATED := model kinds planning
# MINUTES=9 makes a run fail that took more of the processor than that; .ci/run asks for it.
PACE = @$(BIN)/python -m benchmarks.pace $(if $(MINUTES),--minutes $(MINUTES)) $(MAKE) --no-print-directory

test: $(VENV)/.dev  ## all tests, with the coverage gate on the pure rooms
	$(PACE) --keep-going traced untraced

quick: $(VENV)/.dev  ## the tests that need no cloud, in a processor minute: pure rooms, laws, scenarios, texts
	$(PACE) pure

pure:
	@$(PYTEST) $(QUICK:%=tests/%)

traced:
	@echo "First of two parts, with coverage: $(TRACED) $(BESIDE)."
	@$(PYTEST) $(GATED:%=--cov=provisioner.%) --cov-report= $(DYING:%=--ignore=%) $(TRACED:%=tests/%) $(BESIDE)
	@$(BIN)/python -m coverage report --include='provisioner/model/*,provisioner/kinds/*,provisioner/planning/*' --fail-under=95

untraced:
	@echo "Second of two parts: all other tests, without those that start PostgreSQL servers (make postgres)."
	@$(PYTEST) $(patsubst %,--ignore=%,$(filter-out $(DYING),$(wildcard $(TRACED:%=tests/%/test_*.py)))) tests

# What depends on who runs it and where: files and their modes, locks, terminals, signals, child processes.
SMOKE := tests/store tests/store_contract tests/saved_plans tests/secrets tests/cli/test_cli_process.py tests/cli/test_cli_prompt.py tests/cli/test_cli_init.py \
    tests/sandbox/test_sandbox_command.py tests/end_to_end/test_e2e_signals.py tests/setup/test_setup_signals.py

smoke: $(VENV)/.dev  ## the tests that depend on who runs them and where, in a minute
	$(BIN)/python -m pytest -n 2 -q $(SMOKE)

# What starts PostgreSQL servers of its own; skipped in `make test`, whose budget everybody pays.
SHARED := tests/postgres tests/store_contract tests/cli/test_cli_postgres.py tests/cli/test_cli_postgres_mistakes.py tests/cli/test_cli_postgres_rows.py tests/test_documents.py \
    $(patsubst %,tests/crash/test_crash_%.py,postgres shared_runs shared_checkouts)

postgres: $(VENV)/.dev  ## the tests that start PostgreSQL servers: Debian's packages postgresql and pgbouncer bring what they need
	TEST_POSTGRES=$${TEST_POSTGRES:-tried} $(BIN)/python -m pytest -n 2 -q $(SHARED)

LIVES := 100
LIFE := tests/protocol/test_protocol_life.py
LEASES := tests/protocol/test_protocol_model_lease.py tests/protocol/test_protocol_lease_worlds.py
DISK := tests/store/test_store_faults.py tests/store/test_store_corruption.py
DATABASE := tests/postgres/test_postgres_sessions.py

crash: $(VENV)/.dev  ## kill, interrupt, race and starve the tool at every step of every scenario (docs/reliability.md)
	TEST_POSTGRES=tried TEST_DEPTH=deep TEST_EXAMPLES=$(LIVES) $(BIN)/python -m pytest -n 2 --dist worksteal -m "crash_whole or crash_part" \
	    --no-header -q $(LIFE) tests/crash $(DISK) $(DATABASE) $(DYING)
	TEST_DEPTH=deep $(BIN)/python -m pytest -n 2 -m "not crash_whole and not crash_part" --no-header -q tests/laws $(DYING) $(LEASES)

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

reference: $(VENV)/.runtime  ## write docs/command-reference.md from the commands
	$(BIN)/python docs/command_reference.py

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade
# Each lock names what it adds to those before it, at versions that fit them.
BEYOND = $(foreach lock,$(1),--constraint locks/$(lock).lock $(shell sed -n 's/^\([a-z0-9-]*\)==[^ ;]* \\$$/--no-emit-package \1/p' locks/$(lock).lock))

heavy: $(VENV)/.heavy  ## install what only some tests need: the vendor's SDK, schemathesis

wheel: $(VENV)/.runtime  ## build dist/provisioner-*.whl, for a pipeline to install
	@$(BIN)/python -m hatchling build -t wheel -d dist

lock:  ## pin the newest allowed versions with hashes (needs uv)
	$(COMPILE) --group build pyproject.toml -o locks/runtime.lock
	@$(MAKE) --no-print-directory lock-rest

lock-rest:
	$(COMPILE) $(call BEYOND,runtime) --extra postgres pyproject.toml -o locks/postgres.lock
	$(COMPILE) $(call BEYOND,runtime) --group build --group dev pyproject.toml -o locks/dev.lock
	@$(MAKE) --no-print-directory lock-heavy

lock-heavy:
	$(COMPILE) $(call BEYOND,runtime dev) --group sdk pyproject.toml -o locks/sdk.lock
	@$(MAKE) --no-print-directory lock-contract
	$(COMPILE) --group oldest-pip -o locks/oldest-pip.lock

lock-contract:
	$(COMPILE) $(call BEYOND,runtime dev sdk) --group contract pyproject.toml -o locks/contract.lock

$(VENV)/.python $(VENV)/.runtime $(VENV)/.dev $(VENV)/.heavy: FORCE
	$(SETUP) $(@F:.%=%)

clean:  ## remove what make has made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*

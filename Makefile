# The commands of the bundle. `make run` and `make test` set up what they need in .venv, once.

PYTHON ?= python3
VENV := .venv
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
UV_VERSION := 0.13.9

.PHONY: run test lint clean

run: $(VENV)/.run $(if $(filter delta,$(TABLE_FORMAT)),$(VENV)/.delta)
	@$(VENV)/bin/python scripts/run_local.py $(ARGS)

test: lint
	$(VENV)/bin/python -m pytest

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) .venv-checkov tests/infra/kql/node_modules tests/fakes/mssql_jdbc/node_modules .local .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(VENV)/bin/uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# Java comes with the environment only where the machine has none that Spark runs on.
$(VENV)/.run: $(VENV)/bin/uv uv.lock
	$(UV) sync --quiet --locked --inexact --group local $$($(VENV)/bin/python scripts/local_factory/java.py || echo --group java)
	@touch $@

# 300 MB that only Delta tables on a laptop need: make run TABLE_FORMAT=delta
$(VENV)/.delta: $(VENV)/.run
	$(UV) sync --quiet --locked --inexact --group local --group delta
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(UV) sync --quiet --locked --inexact --group local --group delta --group deploy --group test
	@touch $@

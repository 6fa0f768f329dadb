# The commands of the bundle. `make run` and `make test` set up what they need in .venv, once.

PYTHON ?= python3
VENV := .venv
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
UV_VERSION := 0.13.9

.PHONY: run test lint clean

run: $(VENV)/.classes
	@$(VENV)/bin/python scripts/run_local.py $(ARGS)

test: lint $(VENV)/.classes
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadgroup

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) .venv-checkov tests/infra/kql/node_modules .local .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(VENV)/bin/uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# Java comes with the environment only where the machine has none that Spark runs on.
$(VENV)/.run: $(VENV)/bin/uv uv.lock
	$(UV) sync --quiet --locked --inexact --compile-bytecode --group local $$($(VENV)/bin/python scripts/local_factory/java.py || echo --group java)
	@touch $@

# Spark's classes as a JVM maps them, where it would parse some 15,000: a start then costs half of it. A run writes them
# down as it ends; where it cannot, runs do without them.
$(VENV)/.classes: $(VENV)/.run
	@echo "Writing down Spark's classes, once, so that Spark starts fast"
	@rm -f $(VENV)/spark.jsa
	@$(VENV)/bin/python scripts/run_local.py --workdir $(VENV)/spark \
		--java-option=-XX:ArchiveClassesAtExit=$(VENV)/spark.jsa >$(VENV)/classes.log 2>&1 || true
	@rm -rf $(VENV)/spark
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(UV) sync --quiet --locked --inexact --compile-bytecode --group local --group deploy --group test
	@touch $@

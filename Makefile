# The commands of the bundle. `make run` and `make test` set up what they need in .venv, once.

PYTHON ?= python3
VENV := .venv
BENCH := .venv-bench
ORACLE := .venv-oracle
UV := UV_PYTHON_DOWNLOADS=never $(VENV)/bin/uv
UV_VERSION := 0.13.9
# Java comes with the environment only where the machine has none that Spark runs on.
JAVA_GROUP := $$($(VENV)/bin/python scripts/local_factory/java.py || echo --group java)

.PHONY: run serve test lint bench soak oracle delta clean

run: $(VENV)/.run $(if $(filter delta,$(TABLE_FORMAT)),delta,$(VENV)/.delta) $(if $(findstring --connect,$(ARGS)),$(VENV)/.connect)
	@$(VENV)/bin/python scripts/run_local.py $(ARGS)
	@$(MAKE) --silent --no-print-directory $(VENV)/.classes

serve: $(VENV)/.run $(VENV)/.delta $(VENV)/.serve
	@$(VENV)/bin/python scripts/run_local.py --serve $(ARGS)

test: lint $(VENV)/.classes
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/shellcheck .ci/run infra/*.sh

bench: $(BENCH)/.bench
	@PYTHONPATH=scripts:notebooks:tests $(BENCH)/bin/python -m benchmarks $(ARGS)

# Source and target compared beside writers that never stop and runs that are killed: tests/soak/README.md
soak: $(VENV)/.test
	@PYTHONPATH=scripts:notebooks:tests $(VENV)/bin/python -m soak $(ARGS)

# Microsoft's own engine of expressions beside ours: tests/oracle/README.md
oracle: $(ORACLE)/.oracle
	@PYTHONPATH=scripts:tests $(ORACLE)/bin/python -m oracle $(ARGS)

clean:
	rm -rf $(VENV) $(BENCH) $(ORACLE) .bench .venv-checkov .venv-powerbi tests/infra/kql/node_modules tests/fakes/mssql_jdbc/node_modules .local .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(VENV)/bin/uv: Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/.run: $(VENV)/bin/uv uv.lock
	$(UV) sync --quiet --locked --inexact --compile-bytecode --group local $(JAVA_GROUP)
	@touch $@

# Spark's classes as a JVM maps them, where it would parse some 15,000: a start then costs half of it. A run writes them
# down as it ends; where it cannot, runs do without them.
$(VENV)/.classes: $(VENV)/.run
	@echo "Writing down Spark's classes, once, so that later runs start faster"
	@rm -f $(VENV)/spark.jsa
	@$(VENV)/bin/python scripts/run_local.py --workdir $(VENV)/spark \
		--java-option=-XX:ArchiveClassesAtExit=$(VENV)/spark.jsa >$(VENV)/classes.log 2>&1 || true
	@rm -rf $(VENV)/spark
	@touch $@

# Delta for Spark, from Maven Central. Where that cannot be reached all else works, and `make delta` says why it cannot.
$(VENV)/.delta: $(VENV)/.run
	@$(MAKE) --silent --no-print-directory delta || true
	@touch $@

delta: $(VENV)/.run
	@PYTHONPATH=scripts $(VENV)/bin/python -m local_factory.cluster.delta

# 300 MB with which Monitor shows tables.
$(VENV)/.serve: $(VENV)/.run
	$(UV) sync --quiet --locked --inexact --group local --group serve
	@touch $@

# 300 MB that only `run_local.py --connect` needs.
$(VENV)/.connect: $(VENV)/.run
	$(UV) sync --quiet --locked --inexact --compile-bytecode --group local --group connect
	@touch $@

$(VENV)/.test: $(VENV)/.run $(VENV)/.delta
	$(UV) sync --quiet --locked --inexact --compile-bytecode --group local --group azure --group connect --group deploy --group test
	@PYTHONPATH=tests:notebooks $(VENV)/bin/python -m fakes.abfss
	@touch $@

# An environment of its own: what the landing is measured against wants versions that the tests do not.
$(BENCH)/.bench: $(VENV)/bin/uv uv.lock
	UV_PROJECT_ENVIRONMENT=$(BENCH) $(UV) sync --quiet --locked --python $(VENV)/bin/python --group local --group deploy --group bench $(JAVA_GROUP)
	@PYTHONPATH=scripts $(BENCH)/bin/python -m local_factory.cluster.delta
	@touch $@

# Another one: the engine brings .NET and reads the machine's locale as it starts.
$(ORACLE)/.oracle: $(VENV)/bin/uv uv.lock
	UV_PROJECT_ENVIRONMENT=$(ORACLE) $(UV) sync --quiet --locked --python $(VENV)/bin/python --group local --group oracle
	@touch $@

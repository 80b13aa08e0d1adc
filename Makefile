# `make lab` starts JupyterLab with this checkout; `make test` is everything CI runs. Both set up what they need.

SHELL := /bin/bash -o pipefail
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION := jupyter_appbuilder/labextension
SOURCES := $(shell find labextension/src labextension/style labextension/schema labextension/locale -type f 2>/dev/null) \
	$(wildcard labextension/*.json labextension/*.mjs labextension/*.js)

.PHONY: lab test setup build lint generated messages types pytest vitest browser wheel walks test-model pictures benchmarks screenshots system system-test clean
.DEFAULT_GOAL := help

help:
	@echo "make lab         start JupyterLab with this checkout, the App Builder panel open (LAB_ARGS=… are handed on)"
	@echo "make test        everything CI runs (make $(LAYERS))"
	@echo "make LAYER       one part of it: lint, types, … (make pytest PYTEST_ARGS=tests/tools for some tests)"
	@echo "make build       the labextension and the widget, after a change in labextension/"
	@echo "make generated   what the panel knows of the server, after a change of events.py, openapi.yaml or a tool's facts"
	@echo "make messages    the panel's texts into the catalogues (labextension/locale), and what is not translated"
	@echo "make benchmarks  what docs/performance.md quotes"
	@echo "make pictures    the templates' pictures, after a change of what their apps begin with (TEMPLATES=\"NAME …\")"
	@echo "make walks       the long tests that make test only samples (an hour)"
	@echo "make test-model GGUF=/path/model.gguf   a real model builds a page and changes it (no part of make test)"
	@echo "make screenshots the pictures in docs/images/screens anew, after a change of what is seen"
	@echo "make clean       remove what was built (not .venv, not .lab)"

lab: system setup
	@mkdir -p .lab
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)/.lab" \
		--AppBuilder.open_panel=True $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

LAYERS := lint types vitest pytest browser wheel

# Every layer runs, whatever an earlier one says; the end sums up. A test that fails is tried once more (tests/layer.sh).
test: export PYTEST := tests/layer.sh $(BIN)/pytest
test: system-test setup
	@failed=; for layer in $(LAYERS); do \
		$(MAKE) --no-print-directory $$layer || failed="$$failed $$layer"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed (of: $(LAYERS))"; exit 1; fi; echo "Passed: $(LAYERS)"

# What apt has and pip has not: PROGRAM:PACKAGE, or LIBRARY:PACKAGE (`?`: tests do without). tests/programs.py holds the tests to this list;
# libatomic is for the Node in Playwright's wheel.

system:
	@tests/system_packages.sh bwrap:bubblewrap git:git

system-test:
	@tests/system_packages.sh bwrap:bubblewrap git:git chromium:chromium runsc:runsc openssl:openssl \
		curl:curl ps:procps pkill:procps strings:binutils libatomic.so.1:libatomic1 \
		'/usr/lib/postgresql/*/bin/initdb:postgresql?'

# The environment: pinned by constraints.txt, made anew when pyproject.toml changes.

setup: $(VENV)/.installed $(EXTENSION)/package.json

$(VENV)/.made: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml constraints.txt $(EXTENSION)/package.json
	@# A link of an earlier time would lead pip's copy of install.json into the folder that the wheel is made of.
	@rm -rf $(VENV)/share/jupyter/labextensions/@jupyter-appbuilder/labextension $(EXTENSION)/install.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test,lint]"
	@mkdir -p $(VENV)/share/jupyter/labextensions/@jupyter-appbuilder $(VENV)/etc/jupyter/jupyter_server_config.d
	@rm -rf $(VENV)/share/jupyter/labextensions/@jupyter-appbuilder/labextension
	@ln -sfn "$(CURDIR)/$(EXTENSION)" $(VENV)/share/jupyter/labextensions/@jupyter-appbuilder/labextension
	@ln -sfn "$(CURDIR)/jupyter-config/server-config/jupyter_appbuilder.json" $(VENV)/etc/jupyter/jupyter_server_config.d/
	@touch $@

build: $(EXTENSION)/package.json

labextension/node_modules/.installed: labextension/package-lock.json
	cd labextension && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VENV)/.builder: $(VENV)/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt jupyter-builder
	@touch $@

$(EXTENSION)/package.json: labextension/node_modules/.installed $(VENV)/.builder $(SOURCES)
	cd labextension && PATH="$(CURDIR)/$(BIN):$$PATH" npm run build:prod
	@touch $@

# The proxy of the JupyterHub in tests/hub.
tests/hub/node_modules/.installed: tests/hub/package-lock.json
	cd tests/hub && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# The parts of `make test`.

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd labextension && npm run lint

generated: setup
	$(BIN)/python labextension/scripts/wire_types.py

messages: labextension/node_modules/.installed
	cd labextension && npm run --silent messages

types: setup
	$(BIN)/pyright
	cd labextension && npm run typecheck

vitest: setup
	cd labextension && npm test

# What takes long is sampled: of the moments at which tests/kill kills a server every 20th, of apps that are built and
# looked at (tests/conftest.py: WALKS) every ninth of their values, and no test that is marked as a walk. `make walks`
# has all of them.
# Most tests wait, for servers, pages and timers: three files at a time keep two cores busy. JOBS=0 takes one by one.
JOBS ?= 3
PYTEST ?= $(BIN)/pytest
pytest: export KILL_EVERY ?= 20
pytest: export EYES_EVERY ?= 9
pytest: export WALKS_EVERY ?= 9
pytest: export TORTURE_SEEDS ?= 2
pytest: setup tests/hub/node_modules/.installed
	$(PYTEST) --durations 40 --numprocesses $(JOBS) --dist loadfile -m "not walk" \
		--ignore tests/browser --ignore tests/wheel $(PYTEST_ARGS)

# Each of these has a JupyterLab, a Chromium and sandboxes of its own.
BROWSER_JOBS ?= 2
browser: setup
	$(PYTEST) --durations 40 --numprocesses $(BROWSER_JOBS) --dist loadfile -m "not walk" $(if $(filter tests/%,$(PYTEST_ARGS)),,tests/browser) $(PYTEST_ARGS)

wheel: setup
	$(PYTEST) $(if $(filter tests/%,$(PYTEST_ARGS)),,tests/wheel) $(PYTEST_ARGS)

walks: system-test setup tests/hub/node_modules/.installed
	$(PYTEST) -m "walk or kill or eyes" --durations 40 $(if $(filter tests/%,$(PYTEST_ARGS)),,tests) $(PYTEST_ARGS)
	$(PYTEST) $(addprefix tests/,eyes templates live datasets torture) -m "not walk and not eyes"

pictures: system-test setup
	PYTHONPATH=tests $(BIN)/python tests/templates/pictures.py $(TEMPLATES)

test-model: system-test setup
	@test -n "$(GGUF)" || { echo "Say which model: make test-model GGUF=/path/to/model.gguf"; exit 2; }
	$(BIN)/python tests/real_model.py "$(GGUF)" $(MODEL_ARGS)

# Takes the pictures of every screen anew, in both themes: look at them before they are committed.
screenshots: system-test setup
	APPBUILDER_RENEW_SCREENS=1 $(BIN)/pytest tests/browser/test_screens.py

benchmarks: system-test setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist $(EXTENSION) jupyter_appbuilder/static jupyter_appbuilder/locale labextension/lib labextension/node_modules .pytest_cache .ruff_cache

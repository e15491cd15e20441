# Everything that a fresh machine needs is set up by these targets themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= demo

.PHONY: demo test test-slow lint bench setup clean

demo: setup
	$(BIN)/python scripts/demo.py $(WORKSPACE)

test: setup
	$(BIN)/python -m pytest

test-slow: setup
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: setup
	$(BIN)/python -m benchmarks.run

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt scripts/system_packages.sh
	sh scripts/system_packages.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[capture,engine,dataset,training,dev]'
	touch $@

clean:
	rm -rf $(VENV) demo

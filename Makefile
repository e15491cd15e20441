# Everything that a fresh machine needs is set up by these targets themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKSPACE ?= demo

.PHONY: demo test test-slow bench lint setup clean

demo: $(VENV)/.installed
	$(BIN)/python scripts/demo.py $(WORKSPACE)

test: setup
	$(BIN)/python -m pytest

test-slow: setup
	$(BIN)/python -m pytest -m slow

# Each takes some minutes and writes benchmarks/results/NAME.json; the machine should be idle.
BENCHMARKS := $(filter-out __init__ results %_lanes,$(basename $(notdir $(wildcard benchmarks/*.py))))

bench: $(VENV)/.installed-benchmarks
	for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

setup: $(VENV)/.installed-dev

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--constraint constraints.txt --editable
FEATURES := capture,engine,dataset,training,demo

$(VENV)/.installed: pyproject.toml constraints.txt scripts/system_packages.sh
	sh scripts/system_packages.sh
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[$(FEATURES)]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	sh scripts/system_packages.sh tests
	$(INSTALL) '.[$(FEATURES),pilot,dashboard,dev]'
	touch $@

$(VENV)/.installed-benchmarks: $(VENV)/.installed-dev
	$(INSTALL) '.[benchmarks]'
	touch $@

clean:
	rm -rf $(VENV) demo

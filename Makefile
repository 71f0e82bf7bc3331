PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
RUNNER := pytest pytest-xdist hypothesis
# What results print, all docstrings, a figure of each kind and the headline numbers
WORDS := src/ketameta --ignore=src/ketameta/exploring README.md docs/figures.md tests/test_golden.py \
	$(wildcard tests/reporting/test_headline*.py)
# Every room's numbers beside those of R and of worked examples, and the examples
NUMBERS := tests/test_examples.py::test_script tests/effects/test_effects_escalc.py \
	$(wildcard tests/effects/test_worked_examples_*.py) \
	$(wildcard tests/models/test_*_reference.py tests/curves/test_*reference.py)

.PHONY: report paper test coverage lowest newest browser lint docs dist benchmark clean

report: $(VENV)/.run
	$(BIN)/python -m ketameta report --out out/

paper: $(VENV)/.run
	$(BIN)/python examples/paper/render.py --out out/paper

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope

coverage: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope --cov --cov-report=term

lowest: $(VENV)/lowest/.ready
	$(VENV)/lowest/bin/python -m pytest --numprocesses auto --dist loadscope $(WORDS) $(NUMBERS)

newest: $(VENV)/newest/bin/python
	PIP_CONSTRAINT= $(VENV)/newest/bin/python -m pip install --quiet --no-compile --upgrade --upgrade-strategy eager --editable ".[fast]" $(RUNNER)
	$(VENV)/newest/bin/python -m pytest --numprocesses auto --dist loadscope $(WORDS)

browser: $(VENV)/.browser
	$(BIN)/python -m pytest tests/exploring/test_explore_browser.py

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs out/docs

dist: $(VENV)/.dist
	$(BIN)/python .ci/dist.py

benchmark: $(VENV)/.test
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) out dist build

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/lowest/bin/python $(VENV)/newest/bin/python:
	$(PYTHON) -m venv $(@D)/..

$(VENV)/lowest/.ready: $(VENV)/lowest/bin/python pyproject.toml constraints-lowest.txt
	PIP_CONSTRAINT=$(CURDIR)/constraints-lowest.txt $(VENV)/lowest/bin/python -m pip install --quiet --no-compile --editable ".[fast]" $(RUNNER)
	touch $@

$(VENV)/.run: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/.browser: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[test,browser]"
	touch $@

$(VENV)/.lint: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[test,lint]"
	touch $@

$(VENV)/.docs: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

$(VENV)/.dist: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable ".[dist]"
	touch $@

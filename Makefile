PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: report paper test browser lint docs benchmark clean

report: $(VENV)/.run
	$(BIN)/python -m ketameta report --out out/

paper: $(VENV)/.run
	$(BIN)/python examples/paper/render.py --out out/paper

test: $(VENV)/.test
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope --cov --cov-report=term

browser: $(VENV)/.browser
	$(BIN)/python -m pytest tests/exploring/test_explore_browser.py

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs out/docs

benchmark: $(VENV)/.test
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) out dist build

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

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

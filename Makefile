# prep in two commands: `make dataset SRC=dir` and `make test`. Both create the environment if it is missing.
# Stamp files in it: for what prep needs, for what `make serve` needs besides, and for the tests' tools.

PYTHON  ?= python3
VENV    ?= .venv
NAME    ?= $(notdir $(patsubst %/,%,$(abspath $(SRC))))
WORKERS ?= 2
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
PYTEST  := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
STAMP   := $(VENV)/.installed
WEB     := $(VENV)/.installed-web
TOOLS   := $(VENV)/.installed-test

.DEFAULT_GOAL := help
.PHONY: help setup dataset review push serve test test-all check bench clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo "example: make dataset SRC=examples/characters"

setup: $(STAMP) ## create the environment, .venv [VENV=]; the tests add their own tools

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	@touch $@

$(WEB): $(STAMP)
	$(PIP) -e '.[web]'
	@touch $@

$(TOOLS): $(STAMP)
	$(PIP) -e '.[test]'
	@touch $@

dataset: $(STAMP) ## turn a folder of images into a training set: SRC=dir [NAME= CONFIG= ARGS=]
	@test -n "$(SRC)" || { echo "make dataset: SRC is missing; add for example SRC=examples/characters"; exit 2; }
	$(BIN)/prep run "$(SRC)" --out "outputs/$(NAME)" $(if $(CONFIG),--config "$(CONFIG)") $(ARGS)

push: $(STAMP) ## publish a set on the Hugging Face Hub: NAME= REPO=user/name [ARGS=]
	@test -n "$(NAME)" -a -n "$(REPO)" || { echo "make push: expected NAME=characters REPO=user/name"; exit 2; }
	$(BIN)/prep push "outputs/$(NAME)" "$(REPO)" $(ARGS)

review: $(WEB) ## look through a set on a page, and put it right: NAME= [ARGS=]
	@test -n "$(NAME)" || { echo "make review: NAME is missing; add for example NAME=characters"; exit 2; }
	$(BIN)/prep review "outputs/$(NAME)" $(ARGS)

serve: $(WEB) ## answer other programs over HTTP on port 7860 (docs/SERVE.md) [ARGS=]
	$(BIN)/prep serve $(ARGS)

test: $(TOOLS) ## run the tests, without the slow ones [WORKERS=2]
	$(PYTEST) -m "not slow"

test-all: $(TOOLS) ## run all tests
	$(PYTEST)

check: $(TOOLS) ## check the style with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(TOOLS) ## run the benchmarks; each prints one JSON line last
	for file in benchmarks/bench_*.py; do $(BIN)/python $$file || exit 1; done

clean: ## remove the environment
	rm -rf $(VENV)

# Everything lands in this checkout: .venv, index/. The one thing outside is the user's cache of checked models.
PYTHON ?= python3.11
NOTES ?= notes
PORT ?= 8765
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install serve test check bench

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## Create .venv and install studybot with everything for its tests

# torch first and by itself: as a dependency of another package pip may choose its build with CUDA.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

serve: install ## Index the notes (NOTES=folder for your own) and serve the page on this computer
	$(BIN)/studybot serve '$(NOTES)' --index index --port $(PORT)

test: install ## Run the tests
	$(BIN)/python -m pytest

check: install ## Run what CI runs: format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

bench: install ## Measure retrieval and answers on questions whose evidence is known
	$(BIN)/studybot eval eval/questions.jsonl --notes notes --index .venv/bench-index

# Everything lands in this checkout: .venv, index/. The one thing outside is the user's cache of models.
PYTHON ?= python3.11
NOTES ?= $(or $(STUDYBOT_NOTES),notes)
BIN := .venv/bin
# Documents and questions that studybot is developed with; not part of the project.
SHARED := ../shared
DEVELOPMENT := $(SHARED)/questions/architect-associate.dev.jsonl --notes $(SHARED)/notes --index .venv/measured/development

.DEFAULT_GOAL := help
.PHONY: help install serve test check gate bench measure measure-manual measure-aws figures fit encoder trust fuzz licences

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed ## Create .venv and install studybot with everything for its tests

# torch first and by itself: as a dependency of another package pip may choose its build with CUDA.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

serve: install ## Index the notes (NOTES=folder for your own) and serve the page on this computer (PORT=8765)
	$(BIN)/studybot serve '$(NOTES)' $(if $(PORT),--port $(PORT))

test: install ## Run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

check: install ## Run what CI runs: format, lint, types, the gate, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) gate
	$(MAKE) test

# The development questions are about a student's own notes, which are not part of the project.
gate: install ## Measure, and fail where a figure is below its floor in eval/gate.json
	$(BIN)/studybot eval eval/questions.jsonl eval/conversations.jsonl --notes notes --notes notes \
	    --index .venv/measured/notes --gate eval/gate.json
	if [ -d $(SHARED) ] || [ -n "$$CI" ]; then \
	    $(BIN)/studybot eval $(DEVELOPMENT) --gate eval/gate.json; \
	else echo "not measured: the development questions, which $(SHARED) would hold"; fi

measure: install ## Measure the project's own questions, and the development questions with what each part brings
	$(BIN)/studybot eval eval/questions.jsonl --notes notes --index .venv/measured/notes --save eval/results/own.json
	$(BIN)/studybot eval eval/conversations.jsonl --notes notes --index .venv/measured/notes \
	    --save eval/results/conversations.json
	$(BIN)/studybot eval $(DEVELOPMENT) --save eval/results/development.json --report .venv/measured/report
	cp .venv/measured/report/mrr_by_kind.png .venv/measured/report/risk_coverage.png docs/
	$(BIN)/studybot eval $(DEVELOPMENT) --ablations --save eval/results/ablations.json

measure-manual: install ## Measure questions about a phone's manual
	$(BIN)/studybot eval $(SHARED)/questions/emanual-s10.jsonl --notes $(SHARED)/data/emanual-s10/notes \
	    --index .venv/measured/manual --save eval/results/manual.json

measure-aws: install ## Measure questions about 2,809 files of AWS documentation; indexing them takes an hour on two cores
	$(BIN)/studybot eval $(SHARED)/questions/aws-documentation.jsonl --notes $(SHARED)/data/aws-documentation/notes \
	    --index .venv/measured/aws --save eval/results/aws.json

bench: install ## Measure how quick studybot is, beside LangChain and FAISS, up to a million passages: an hour
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m studybot.benchmark eval/results/bench.json docs/overhead.png $(SHARED)

trust: install .venv/fuzz ## Kill, damage, attack and load studybot, and keep how it went: an hour
	$(BIN)/python -m tests.trust eval/results/trust.json

MINUTES ?= 10
fuzz: install .venv/fuzz ## Fuzz parser and chunker, MINUTES=10 of the processor four times, and keep what reaches other code
	$(BIN)/python -m tests.fuzzing $(MINUTES)

# Apart from the rest: there are wheels for Linux only, elsewhere LLVM is needed to build it.
.venv/fuzz: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	touch $@

licences: install .venv/fuzz ## Write docs/licences.md anew: the licence of every pinned dependency, as it says itself
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m tests.licences constraints.txt docs/licences.md

figures: install ## Write the kept results into README
	$(BIN)/python -m studybot.readme README.md eval/results

# Subjects of their own; none is that of the development questions or of a benchmark. The encoder learns from others than
# the weights and the confidence, as these would else be fitted to questions that it knows by heart.
TRAINING := jackyzha0.github.io ms-webdev rust-book squad-articles
TUNING := learning-notes ms-iot ms-ml obsidian-help openstax-biology openstax-sociology powershell-docs
questions_of = $(wildcard $(addprefix $(SHARED)/questions/train/$(1),.jsonl .evidence.jsonl))
notes_of = $(firstword $(wildcard $(SHARED)/data/$(1)/notes $(SHARED)/data/$(1) $(SHARED)/data/real-notes/$(1)))

fit: install ## Fit the weights and the confidence in src/studybot/fitted.json to questions about other notes
	$(BIN)/studybot eval --fit --index .venv/measured/training \
	    $(foreach name,$(TRAINING),$(firstword $(call questions_of,$(name))) --notes $(call notes_of,$(name)))

# Questions that are part of the project, some over the documents above, some over notes of their own.
FURTHER := $(basename $(notdir $(wildcard eval/training/*.jsonl)))

encoder: install ## Train the encoder anew, into src/studybot/encoder: two hours on two cores, 17 GB of memory
	$(BIN)/python -m studybot.tuning first all-MiniLM-L6-v2 .venv/measured/encoder \
	    $(foreach name,$(TUNING),$(foreach file,$(call questions_of,$(name)),$(file) $(call notes_of,$(name))))
	$(BIN)/python -m studybot.tuning further .venv/measured/encoder src/studybot/encoder \
	    $(foreach name,$(FURTHER),eval/training/$(name).jsonl $(firstword $(wildcard eval/training/$(name)) $(call notes_of,$(name))))

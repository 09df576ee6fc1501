# Everything a person or CI runs. Each target can be run again at any time and does only what is missing.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin

.PHONY: help setup serve test train docs benchmark lock image-check clean

help:
	@echo "make serve [HOST=... PORT=...]  set up, train if there is no model, serve"
	@echo "make setup                      the environment alone, in .venv/"
	@echo "make test                       all checks: ruff, mypy, pytest"
	@echo "make train                      train the model again"
	@echo "make docs                       train, and render README output, data card and model card"
	@echo "make benchmark [GOLD=FILE.jsonl] [ENCODER=FOLDER] [ENCODER_PYTHON=...] [ROWS=N]"
	@echo "                                quality and speed beside the peers, into benchmarks/results.md"
	@echo "make lock                       compile requirements*.lock anew from pyproject.toml"
	@echo "make image-check                build the image without a registry and POST to it (root, Debian)"

setup: .venv/.runtime

.venv/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

serve: setup
	$(BIN)/helmkeel serve --host $(HOST) --port $(PORT)

train: setup
	$(BIN)/helmkeel train

docs: train
	$(BIN)/python -m training.docs

test: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest

.venv/.benchmark: requirements-benchmark.lock .venv/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-benchmark.lock
	@touch $@

# GOLD: labelled sentences from outside, measured too. ENCODER: the files of all-MiniLM-L6-v2, for the peers that need them; they run in
# ENCODER_PYTHON, which needs scikit-learn and model2vec[distill]. ROWS: train the peers on so many rows, print, and write nothing.
ENCODER_PYTHON ?= $(BIN)/python
benchmark: .venv/.benchmark
	$(BIN)/helmkeel info
	$(BIN)/python -m benchmarks $(if $(GOLD),--gold "$(GOLD)") $(if $(ENCODER),--encoder "$(ENCODER)" --encoder-python "$(ENCODER_PYTHON)") $(if $(ROWS),--rows $(ROWS))

# By hand, after a change to the corpus: needs torch, transformers and wordfreq (`pip install .[distill]`), and the encoder's files in a folder.
embedding: setup
	$(PYTHON) -m training.distill $(ENCODER)

lock: .venv/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock

	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra benchmark --constraint requirements.lock pyproject.toml --output-file requirements-benchmark.lock

image-check:
	sh tests/image_check.sh

clean:
	rm -rf .venv artifact .image build *.egg-info

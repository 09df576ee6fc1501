# Everything a person or CI runs. Each target can be run again at any time and does only what is missing.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
BIN := .venv/bin

.PHONY: help setup serve test faults soak fuzz audit train docs benchmark benchmark-own benchmark-batch benchmark-http benchmark-slack scale distil distil-dimensions pictures images lock image-check clean

help:
	@echo "make serve [HOST=... PORT=...]  set up, train if there is no model, serve"
	@echo "make setup                      the environment alone, in .venv/"
	@echo "make test                       all checks: ruff, mypy, pytest"
	@echo "make train                      train the model again"
	@echo "make docs                       train, and render README output, data card and model card"
	@echo "make benchmark [GOLD=FILE.jsonl] [ENCODER=FOLDER] [ENCODER_PYTHON=...] [TUNED=FOLDER] [ROWS=N]"
	@echo "                                quality and speed beside the peers, into benchmarks/results.md"
	@echo "make benchmark-batch            files to JSON lines: speed, memory, broken files, into benchmarks/batch.md (part of make benchmark)"
	@echo "make benchmark-own              the same without the peers, whose rows stay as they are"
	@echo "make benchmark-http             load through HTTP beside other ways to serve, into benchmarks/http.md (wrk)"
	@echo "make soak                       five minutes of mixed load, memory watched (SOAK_SECONDS=3600)"
	@echo "make faults                     killed workers, a full disk, a spoiled artifact, a jumping clock, bad clients"
	@echo "make fuzz                       the API with thousands of cases"
	@echo "make audit                      known vulnerabilities in the dependencies"
	@echo "make benchmark-slack            how soon Slack's requests are acknowledged, 200 at once"
	@echo "make pictures                   the pictures of docs/slack.md anew, from what the app sends (chromium)"
	@echo "make scale                      what a cluster takes for a million sentences, into benchmarks/scale.md"
	@echo "make distil ENCODER=FOLDER      word vectors and student anew, in the Python at hand (torch, transformers, wordfreq, a GPU)"
	@echo "make distil-dimensions ENCODER=... the student's dimensions alone anew: an hour on two cores, no GPU"
	@echo "make images                     the pictures in the README (needs chromium)"
	@echo "make lock                       compile requirements*.lock anew from pyproject.toml"
	@echo "make image-check                build the image without a registry and POST to it (root, Debian)"

setup: .venv/.runtime

# What is compiled on installing: the tagger's inner loop.
COMPILED := setup.py $(wildcard model/*.pyx model/*.pxd)

.venv/.runtime: requirements.lock pyproject.toml $(COMPILED)
	@$(PYTHON) -c 'import pathlib, shutil, sys, sysconfig; sys.exit(None if shutil.which("cc") and pathlib.Path(sysconfig.get_path("include"), \
		"Python.h").exists() else "a C compiler and the headers of Python are needed: apt-get install gcc libc6-dev python3-dev")'
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
# ENCODER_PYTHON, which needs scikit-learn and model2vec[distill]. TUNED: where the fine-tuned one is kept, whose training takes over an hour
# without a GPU. ROWS: train the peers on so many rows, print, and write nothing.
ENCODER_PYTHON ?= $(BIN)/python
benchmark: .venv/.benchmark
	$(BIN)/helmkeel info
	$(BIN)/python -m benchmarks $(if $(GOLD),--gold "$(GOLD)") $(if $(ENCODER),--encoder "$(ENCODER)" --encoder-python "$(ENCODER_PYTHON)") $(if $(TUNED),--tuned "$(TUNED)") $(if $(ROWS),--rows $(ROWS))
	$(MAKE) benchmark-batch

# The sections of results.md without other taggers, measured again.
benchmark-own: .venv/.benchmark
	$(BIN)/python -m benchmarks --own

benchmark-batch: .venv/.benchmark
	$(BIN)/helmkeel info
	$(BIN)/python -m benchmarks.batch $(if $(ONLY),--only $(ONLY))

# An environment of its own: MLflow, beside which the service is measured, wants older libraries than ours.
.venv-serving/.done: requirements-serving.lock pyproject.toml $(COMPILED)
	test -x .venv-serving/bin/python || $(PYTHON) -m venv .venv-serving
	.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-serving.lock
	.venv-serving/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

benchmark-http: .venv-serving/.done
	.venv-serving/bin/helmkeel info
	.venv-serving/bin/python -m benchmarks.serving

soak: .venv/.dev
	$(BIN)/python -m benchmarks.soak

faults: .venv/.dev
	$(BIN)/python -m benchmarks.faults

fuzz: .venv/.dev
	HELMKEEL_FUZZ_EXAMPLES=2000 $(BIN)/pytest tests/service/test_contract.py

audit: .venv/.dev
	$(BIN)/pip-audit --strict --disable-pip --requirement requirements.lock

benchmark-slack: .venv/.dev
	$(BIN)/helmkeel info
	$(BIN)/python -m benchmarks.slack

pictures: .venv/.dev
	$(BIN)/python -m tests.service.slack.said
	$(BIN)/python -m tests.service.slack.picture

scale: .venv/.benchmark
	$(BIN)/helmkeel info
	$(BIN)/python -m benchmarks.scale

# By hand, after a change to the corpus: needs torch, transformers and wordfreq (`pip install .[distill]`), the encoder's files in a folder, and a GPU.
distil:
	$(PYTHON) -m training.distill "$(ENCODER)"

# The same where only one-sided sentences or readings of their dimension are new; what it makes of tags and words stays.
distil-dimensions:
	$(PYTHON) -m training.distill "$(ENCODER)" --dimensions

# The pictures in README.md; needs a chromium. A browser window cannot be as narrow as a phone, so the phone is a frame in a page.
images: setup
	$(BIN)/helmkeel report examples -o docs/images/report.html --title "Minutes, a role, a chat and a strategy" --force --quiet
	echo '<body style="margin:0"><iframe src="report.html" width="390" height="1600" style="border:0"></iframe>' > docs/images/phone.html
	chromium --headless --no-sandbox --hide-scrollbars --window-size=1280,1600 --screenshot=docs/images/report.png docs/images/report.html
	chromium --headless --no-sandbox --hide-scrollbars --window-size=500,1600 --screenshot=docs/images/report-phone.png docs/images/phone.html
	$(BIN)/python -c "from PIL import Image; p = 'docs/images/report-phone.png'; Image.open(p).crop((0, 0, 390, 1600)).save(p)"
	for f in report report-phone; do $(BIN)/python -c "from PIL import Image; p = 'docs/images/$$f.png'; \
		Image.open(p).quantize(64).save(p, optimize=True)"; done
	rm docs/images/report.html docs/images/phone.html

lock: .venv/.dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra build pyproject.toml --output-file requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra build --extra dev --constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra build --extra benchmark --constraint requirements.lock pyproject.toml --output-file requirements-benchmark.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--no-emit-find-links --extra build --extra serving pyproject.toml --output-file requirements-serving.lock

image-check:
	sh tests/image_check.sh

clean:
	rm -rf .venv .venv-serving artifact .image build *.egg-info model/*.c model/*.so

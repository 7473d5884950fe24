# `make run` and `make test` are the two commands of the README; the rest is for people who work on the project.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_OF_TORCH := $(addprefix --no-emit-package ,torch triton cuda-bindings cuda-pathfinder cuda-toolkit nvidia-cublas \
  nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand \
  nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx)

.PHONY: record-run run test test-kills test-faults test-slurm env env-test browser env-sweeps env-syne-tune env-ax env-neps \
  fixtures-sweeps bench bench-step bench-generation bench-tokenizing bench-study bench-nothing bench-scale bench-search bench-ending bench-pool \
  bench-profile bench-refine bench-intervals bench-audit bench-ablations bench-metric bench-clusters bench-law bench-script bench-transfer \
  bench-default lock schema lint

run: env
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all

test: env-test browser lint
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=
	@echo "$$($(BIN)/coverage report --format=total) % of the package's lines ran in the tests' own processes; by file: coverage report -m"

# The long form of a test that make test does with two kills.
test-kills: env-test
	LRSWEEP_KILLS=12 PATH="$(CURDIR)/$(BIN):$$PATH" pytest tests/runner/test_pipeline.py -k kills

# Kills, full disks, damaged files and other faults, a table of what they cost; SHORT=--short takes fewer tries.
test-faults: env-test
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m tests.faults $(SHORT)

# On a SLURM cluster of its own, from Debian's packages, unpacked in $(VENV)/slurm; SHORT=--short ends it after phase 2.
test-slurm: env-test
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m tests.slurm $(SHORT)

# Cost of a study against its number of trials, with made-up curves.
bench-scale: env-test
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m benchmarks.scale

env: $(VENV)/.installed
env-test: $(VENV)/.installed-test

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

# All that is installed is named with its digest in a lock, so nothing is resolved. torch is apart: a CPU build that pip is shown
# (PIP_FIND_LINKS) is taken, and else that of the package index, which has CUDA on Linux.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
$(VENV)/.installed: requirements.lock requirements-torch.lock workflow/envs/torch-cpu.txt pyproject.toml | $(VENV)/bin/python
	$(PIP_INSTALL) --require-hashes -r requirements.lock
	$(PIP_INSTALL) --no-index --require-hashes -r workflow/envs/torch-cpu.txt 2>/dev/null || \
	  $(PIP_INSTALL) --require-hashes -r requirements-torch.lock
	$(PIP_INSTALL) --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-test: requirements-test.lock $(VENV)/.installed
	$(PIP_INSTALL) --require-hashes -r requirements-test.lock
	touch $@

# W&B's sweep engine in an environment of its own: it makes fixtures of the tests, which pass without it.
SWEEPS := .venv-sweeps
env-sweeps: $(SWEEPS)/.installed

$(SWEEPS)/.installed: workflow/envs/sweeps.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12) and "The engine needs numpy 1, and so Python 3.11 or 3.12: make env-sweeps PYTHON=python3.12")'
	$(PYTHON) -m venv $(SWEEPS)
	$(SWEEPS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Syne Tune in an environment of its own, a peer in bench-search. All that it needs is listed, so that xgboost brings no CUDA.
SYNE_TUNE := .venv-syne-tune
env-syne-tune: $(SYNE_TUNE)/.installed

$(SYNE_TUNE)/.installed: workflow/envs/syne-tune.txt
	$(PYTHON) -m venv $(SYNE_TUNE)
	$(SYNE_TUNE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

# Two more peers in bench-search, each with what it resolves (torch among it).
env-ax env-neps: env-%: .venv-%/.installed

.venv-ax/.installed .venv-neps/.installed: .venv-%/.installed: workflow/envs/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Steps until the best trial is within 0.5 % of the best, ours and what users would pick instead, replayed on the recorded pools.
# About four hours of one core without Ax, which takes a minute a seed and pool: an interrupted call goes on where it was, and the tables
# say how many seeds a row has.
# JOBS=1 for fewer processes at once; what is there so far: python -m benchmarks.search --seeds 50 --tables
bench-search: env-test env-sweeps env-syne-tune env-neps env-ax
	$(BIN)/python -m benchmarks.search --seeds 50 --jobs $(JOBS)
JOBS := $(shell nproc)

# Where studies end, and what the races that follow choose, on the pools and two harder kinds of world. 50 seeds are about an hour of one
# core; an interrupted call goes on where it was. A part: python -m benchmarks.ending --seeds 10 --pools stories hard
bench-ending: env-test
	$(BIN)/python -m benchmarks.ending --seeds 50 --jobs $(JOBS)

# 400 whole curves of the default model, which bench-search replays on: make bench-pool POOL=mine TEXT=mine.txt SEED=3, then name it in
# benchmarks/search.py. The recorded ones are tinystories (seed 0), stories (no TEXT: the built-in ones; seed 1) and pydoc (seed 2).
bench-pool: env
	$(BIN)/python -m benchmarks.pool docs/benchmarks/pool_$(POOL).parquet --trials 400 --jobs $(JOBS) --seed $(SEED) $(if $(TEXT),--text $(TEXT))

# Planted valleys: how often the intervals of ablations hold the truth, and whether variants without a difference are left alone.
bench-ablations: env
	$(BIN)/python -m benchmarks.ablations --studies 60

# How near profiles of 7 runs come to the best LR on the recorded pools, and how often their intervals hold the truth: 5 minutes.
bench-profile: env
	$(BIN)/python -m benchmarks.profile --seeds 80

# How often the intervals of the three LRs hold the truth after phase 1 and the runs that refine it: 5 minutes of one core.
bench-refine: env
	$(BIN)/python -m benchmarks.refine --seeds 40

# How often the intervals of the winner, its gain and its luck hold the truth, in 1,000 studies on each of the recorded pools: 2 minutes.
bench-intervals: env
	$(BIN)/python -m benchmarks.intervals --studies 1000

# How often the intervals of rank correlations and of the audit hold a planted truth: 4 minutes of one core.
bench-audit: env
	$(BIN)/python -m benchmarks.audit --studies 400

# A study steered by M_u beside one steered by the loss at equal steps, from the outcomes that bench-search has recorded: a second.
bench-metric: env
	$(BIN)/python -m benchmarks.metric

# How often the survivors of a study are said to form clusters, where they do not and where they do: 10 minutes.
bench-clusters: env
	$(BIN)/python -m benchmarks.clusters --studies 100

# The law on Step Law's public tables, which are not part of this project: make bench-law TABLES="dense_lr_bs_loss.csv moe_lr_bs_loss.csv"
bench-law: env
	$(BIN)/python -m benchmarks.law $(TABLES)

# How the LR of small runs of the default model carries over to longer and wider ones. Each call adds what is missing; the cells up to 600
# steps and width 64 are minutes of one core, all of them hours: STEPS="300 600 1200 2400 4800 8000" WIDTHS="32 64 128 256"
bench-transfer: env
	$(BIN)/python -m benchmarks.transfer --steps $(STEPS) --widths $(WIDTHS) --parametrizations standard mup
STEPS := 300 600
WIDTHS := 32 64

# The default run, from nothing to the page, beside that of an earlier commit: 40 minutes of two cores that do nothing else.
bench-default: env-test
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m benchmarks.default

# The share of their time that the workers train in phase 2, with its parts, beside Optuna's.
bench-study: env-test
	$(BIN)/python -m benchmarks.study

# Each benchmark beside its peer, then the table and the figure of docs/benchmarks. An hour on two fast cores that do nothing else; on two
# slow ones tokenizing alone took 52 minutes.
# bench-search: hours more, see there. The other peers (transformers, tokenizers, Optuna) agree with our pins, so they are in the
# environment of the tests.
BENCHMARKS := step generation tokenizing study nothing script
bench: $(addprefix bench-,$(BENCHMARKS)) bench-search
	$(BIN)/python -m benchmarks.table

bench-step bench-generation bench-tokenizing bench-nothing bench-script: bench-%: env-test
	PATH="$(CURDIR)/$(BIN):$$PATH" python -m benchmarks.$*

# What W&B's engine answers: on random sweeps, which the stopping rule is tested against, and on our exported sweeps.
fixtures-sweeps: env-test env-sweeps
	$(SWEEPS)/bin/python -m tests.make_wandb_stops
	$(BIN)/python -m tests.wandb_sweeps | $(SWEEPS)/bin/python -m tests.make_wandb_sweeps

# The browser of the page's tests, where it is missing and this may become root; they are skipped where it cannot be had.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -n)
APT_GET := $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=20
browser:
	@{ command -v chromium && command -v chromedriver; } >/dev/null || \
	  { $(APT_GET) update && $(APT_GET) install -y --no-install-recommends chromium chromium-driver; } >/dev/null 2>&1 || \
	  echo "chromium and chromium-driver are not here and cannot be installed: the tests of the page in a browser are skipped"

# The locks hold for Python 3.11 to 3.13 on Linux and macOS. torch has one of its own, with the CUDA packages that it alone brings: a
# machine may have another build of it. Extras stay in the names, since pip takes `coverage` for no pin of `coverage[toml]`.
LOCK := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra slurm --no-annotate --generate-hashes \
  --no-strip-extras --custom-compile-command "make lock" pyproject.toml
lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv
	$(LOCK) $(LOCK_OF_TORCH) -o requirements.lock
	$(LOCK) $$(sed -n 's/^\([a-z0-9.-]*\)\(\[.*\]\)*==.*/--no-emit-package \1/p' requirements.lock) -c requirements.lock -o requirements-torch.lock
	$(LOCK) $(LOCK_OF_TORCH) --extra test -c requirements.lock -o requirements-test.lock

# One default run, recorded: commit dvc.lock and docs/run after it.
record-run: env
	git diff --quiet HEAD -- params.yaml dvc.yaml src workflow Snakefile || { echo "commit the code and params.yaml first" >&2; exit 2; }
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all
	PATH="$(CURDIR)/$(BIN):$$PATH" lrsweep record
	$(BIN)/python -m tests.recorded

# What editors complete and check params.yaml by, and `lrsweep explain` reads; a test fails when it is stale.
schema: env
	$(BIN)/lrsweep schema

# Style and docstrings, layout, imports, types, and the lengths of functions and modules.
lint: env-test
	$(BIN)/ruff check src tests workflow benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports --no-cache
	$(BIN)/snakefmt --check Snakefile workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.lint

# `make` reproduces the study and `make test` checks the code; both first create their own virtual environment.
PYTHON ?= python3
VENV ?= .venv
CLUSTER_VENV ?= .venv-cluster
CORES ?= all
WORKERS ?= 2
BIN := $(VENV)/bin
SNAKEMAKE = $(BIN)/snakemake --cores $(CORES)

.PHONY: all smoke published figures report benchmark verify test test-unit test-all test-cluster lint clean

all: $(VENV)/installed
	@$(SNAKEMAKE)
	@echo "The report is results/report.html"

smoke: $(VENV)/installed
	@$(SNAKEMAKE) --configfile workflow/studies/smoke.yaml
	@echo "The report is results/smoke/report.html"

published: $(VENV)/installed
	@$(SNAKEMAKE) --configfile workflow/studies/published.yaml
	@echo "The report is results/published/report.html"

figures report: $(VENV)/installed
	@$(SNAKEMAKE) $@

benchmark: $(VENV)/installed
	@$(BIN)/snakemake --cores 1 benchmark

verify: $(VENV)/installed
	@$(SNAKEMAKE)
	@$(BIN)/python -m pg verify

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not slow"

# About a minute: the tests that are not marked long (see pyproject.toml).
test-unit: $(VENV)/installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not long and not slow"

test-all: $(VENV)/installed-test lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

# Test on a one-node SLURM on this machine; needs root on Debian. Installs the packages, starts and stops the daemons.
test-cluster: $(CLUSTER_VENV)/installed
	command -v slurmctld > /dev/null || (apt-get update -qq && \
		apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge)
	$(CLUSTER_VENV)/bin/python -m pytest -x -s --durations=0 tests/cluster/check_slurm.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) $(CLUSTER_VENV) .snakemake

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --editable . --constraint constraints.txt
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable '.[test]' --constraint constraints.txt
	touch $@

$(CLUSTER_VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CLUSTER_VENV)
	$(CLUSTER_VENV)/bin/python -m pip install --quiet --editable '.[test,cluster]' --constraint constraints.txt
	touch $@

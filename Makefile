.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv trusts what pip and git trust: a company's own certificate authority too.
export UV_SYSTEM_CERTS ?= true
STAMP := $(VENV)/.ready

.PHONY: help setup demo docs model faults soak fuzz load test check format lint types imports deps spelling lock up down clean

help:  ## Show the targets
	@$(PYTHON) -c 'import re; print(*(f"  {name:12} {what}" for name, what in re.findall(r"^([a-z-]+):.*## (.*)$$", open("Makefile").read(), re.M)), sep="\n")'

setup: $(STAMP)  ## Make the virtual environment and install everything from the hashed lock
$(STAMP): requirements.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup  ## The whole trip on this machine: receive, verify, process, dead-letter, redrive, audit
	$(BIN)/webhookctl demo

test: setup  ## Run every test that needs no AWS account, on two cores
	$(BIN)/pytest --numprocesses 2 --durations 25

check: setup format-check lint types imports deps spelling secrets-scan audit stack-check  ## Everything that is checked without running: format, lint, types, imports

format: setup  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: format-check
format-check: setup
	$(BIN)/ruff format --check .

lint: setup  ## Lint
	$(BIN)/ruff check .

types: setup  ## Check types (mypy --strict)
	$(BIN)/mypy

imports: setup  ## Check the import directions
	$(BIN)/lint-imports

deps: setup
	$(BIN)/deptry .

spelling: setup
	$(BIN)/codespell

CHECKOV := .checkov-venv
$(CHECKOV)/.ready: requirements-checkov.lock $(STAMP)
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(CHECKOV)
	VIRTUAL_ENV=$(CHECKOV) $(BIN)/uv pip sync --quiet --require-hashes requirements-checkov.lock
	@touch $@

.PHONY: secrets-scan audit stack-check wheel-check
# Known key formats only: the entropy and keyword guesses would flag hashes and test vectors.
secrets-scan: $(CHECKOV)/.ready
	git ls-files -z -- ':!*.lock' | xargs -0 $(CHECKOV)/bin/detect-secrets-hook --disable-plugin KeywordDetector --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString

audit: setup
	$(BIN)/python .ci/audit_dependencies.py

stack-check: $(CHECKOV)/.ready  ## Hold the stack against cdk-nag, cfn-lint and checkov; print what is acknowledged
	$(BIN)/python .ci/check_stack.py

wheel-check: setup  ## Install the wheel in an empty folder; deploy and send from there (a minute)
	$(BIN)/python .ci/check_wheel.py

lock: setup  ## Resolve the dependencies again into the hashed lock files
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --group dev pyproject.toml --extra local --extra load --custom-compile-command "make lock" -o requirements.lock
	printf 'aws-xray-sdk\ncffi\ncryptography\npycparser\nwrapt\n' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-deps --no-emit-index-url --constraints requirements.lock --custom-compile-command "make lock" -o stack/layer.lock -
	echo "checkov" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" -o requirements-checkov.lock -
	echo "uv" | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --constraints requirements.lock --custom-compile-command "make lock" -o requirements-bootstrap.lock -

docs: setup  ## Write docs/commands.md anew
	$(BIN)/webhookctl reference > docs/commands.md

model: setup  ## Check every interleaving of the protocol, then take out each guard in turn (DEEP=1: a larger bound)
	$(BIN)/python -m tests.model $(if $(DEEP),--deep)

faults: setup  ## Run the real handlers through every fault of the catalogue
	$(BIN)/python -m tests.faults

soak: setup  ## Send 100,000 webhooks while faults fire at random, kill a local environment, reconcile (SEED=... COUNT=... KILLS=...)
	$(BIN)/python -m tests.soak $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(KILLS),--kills $(KILLS))

load: setup  ## Prove the WAF's limit under load on this machine (about a quarter of an hour, nothing else running)
	$(BIN)/pytest -m load tests/integration/load

fuzz: setup  ## Feed a million hostile inputs to the receiver and the parsers
	$(BIN)/python -m tests.fuzz

up: setup  ## Start the local environment and deploy to it
	$(BIN)/webhookctl deploy --env local

down: setup  ## Stop the local environment
	$(BIN)/webhookctl local down

clean:  ## Remove what was made here (the local environment's state stays: webhookctl local reset)
	rm -rf $(VENV) $(CHECKOV) build dist cdk.out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# `make help` lists the targets. Everything is installed into .venv from the hash-pinned locks.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKEND ?= embedded
ONLY ?=
WORKERS ?= 3
CHECKOV := $(VENV)/checkov
STATE_BUCKET ?= $(PROJECT)-terraform
export PYTHONPATH := $(CURDIR)

.DEFAULT_GOAL := help
.PHONY: docs help setup run serve test fast chaos bench lint format locks package clean test-py313 terraform-check \
        recordings plan apply smoke

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}'

$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; name one with PYTHON=python3.13" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.ready requirements-bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.txt
	@touch $@

$(CHECKOV)/.ready: requirements-checkov.txt | $(VENV)/.ready
	@echo "Setting up $(CHECKOV) (once, about a minute)"
	@$(PYTHON) -m venv --clear $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-checkov.txt
	@touch $@

setup: $(VENV)/.ready ## Make .venv, which every other target does too

run: $(VENV)/.ready ## Do the main job once: consent, an order of two vehicles, two PDFs (BACKEND=embedded|emulators)
	@$(BIN)/python -m tests.stack run --backend $(BACKEND)

serve: $(VENV)/.ready ## Keep every function running on this machine; state stays in .local/ (BACKEND=embedded|emulators)
	@$(BIN)/python -m tests.stack serve --backend $(BACKEND)

test: $(VENV)/.ready ## The whole test suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder

fast: $(VENV)/.ready ## Unit tests only
	@$(BIN)/python -m pytest tests/unit

chaos: $(VENV)/.ready ## Long random runs: kills, duplicates, reordering
	@$(BIN)/python -m pytest tests/chaos -m chaos --timeout 3600

bench: $(VENV)/.bench ## All benches, or one: make bench ONLY=key; writes build/bench.json
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

lint: $(VENV)/.ready ## Format, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.ready ## Format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test-py313: ## Unit tests on a Python 3.13, where there is one
	@sh .ci/py313

terraform-check: $(VENV)/.ready $(CHECKOV)/.ready ## Format, validity, plans and policies of Terraform, without network (needs terraform)
	@$(BIN)/python -m tests.terraform
	@$(CHECKOV)/bin/checkov --directory terraform --framework terraform --skip-download --quiet --compact

locks: ## Pin the newest versions again (needs uv)
	uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -o requirements.txt
	uv pip compile --quiet pyproject.toml --group dev -c requirements.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -o requirements-dev.txt
	uv pip compile --quiet pyproject.toml --group dev --group bench -c requirements-dev.txt --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -o requirements-bench.txt
	uv pip compile --quiet --group checkov --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade -o requirements-checkov.txt

package: $(VENV)/.ready ## One reproducible archive per function into build/package/, with an index
	@$(BIN)/python -m shared.packaging

plan: ## Plan an environment into build/delivery.tar: ENVIRONMENT=dev PROJECT=... COMMIT=...
	@ENVIRONMENT=$(ENVIRONMENT) PROJECT=$(PROJECT) COMMIT=$(COMMIT) STATE_BUCKET=$(STATE_BUCKET) sh .ci/plan

apply: ## Apply the plan in build/delivery.tar, if it is of this ENVIRONMENT, PROJECT and COMMIT
	@ENVIRONMENT=$(ENVIRONMENT) PROJECT=$(PROJECT) COMMIT=$(COMMIT) STATE_BUCKET=$(STATE_BUCKET) sh .ci/apply

smoke: $(VENV)/.ready ## Look whether a deployed service answers as it should: make smoke URL=https://...
	@$(BIN)/python -m tests.smoke $(or $(URL),"$$(cat build/delivery/url)")

recordings: $(VENV)/.ready ## Record what this release stores and sends, for the next ones to read (tests/recorded)
	@$(BIN)/python -m tests.recorded

docs: $(VENV)/.ready ## Write the tables of README.md and docs/ from the code
	@$(BIN)/python -m tests.docs

clean: ## Remove what was built; .local/ and .venv/ stay
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

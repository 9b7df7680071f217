# Works in a fresh checkout: it installs everything that it needs into .venv.
PYTHON ?= python3
ARGS ?=
LOCK_FLAGS ?=
PROJECT ?=
SEED ?=

VENV := .venv
RUN := $(VENV)/.runtime-is-installed
DEV := $(VENV)/.development-is-installed
BIN := $(VENV)/bin
BROWSER := tests/browser
NPM := $(BROWSER)/node_modules/.packages-are-installed
ORCHESTRATORS := $(VENV)/orchestrators
LOCAL := $(VENV)/local
DATAFORM := scripts/local
PIP_FLAGS := -qq --disable-pip-version-check --no-input --require-hashes --no-deps
PIP_INSTALL := $(BIN)/python -m pip install $(PIP_FLAGS)
CODE := $(wildcard dataform_action entrypoint.py post_entrypoint.py tests benchmarks examples scripts)
SHELL_FILES := .ci/run $(wildcard scripts/*.sh scripts/*/*.sh benchmarks/peers/*.sh)
ACTIONS := $(wildcard action.yml */action.yml)
WORKFLOWS := $(wildcard tests/act/*.yml .github/workflows/*.yml)
WORKFLOW_CHECKS := scripts/workflows
IMAGE_PACKAGES = $(shell sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' requirements.txt)
# The image leaves out packages that no step can import: docs/image.md says why.
LEFT_OUT := $(addprefix --no-emit-package ,pyasn1 pyasn1-modules pycparser)
LOCK := $(BIN)/uv --no-config --quiet pip compile --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock" $(LOCK_FLAGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-orchestrators clients local local-tests faults fuzz mutations mermaid \
	screenshots e2e act image docs package check check-workflows release-rehearsal \
	bench format lock clean rebuild

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

demo: $(DEV) ## Show a failing run against an emulator; ARGS=success, ARGS=--web, ARGS=--help
	@$(BIN)/python -I scripts/demo.py $(ARGS)

# Without bytecode, each of pytest's processes compiles all tests again.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(DEV) ## Run the tests; ARGS are for pytest: "-k name", or --cov for the coverage
	$(BIN)/python -m pytest --numprocesses auto $(ARGS)

faults: $(DEV) ## Test all faults and random sequences of them; ARGS=--write updates docs/faults.md
	$(BIN)/python -m tests.faults.faults $(ARGS)

fuzz: $(DEV) ## Parse hostile responses, and search all output for secrets
	$(BIN)/python -m pytest --numprocesses auto --hypothesis-profile fuzz \
		tests/faults/test_hostile_responses.py tests/faults/test_secrets.py \
		tests/unit/report/summary/test_html.py tests/unit/report/plan tests/repo/test_github_markdown.py $(ARGS)

mutations: $(DEV) ## Break each rule of the design, and check that a test fails
	$(BIN)/python -m tests.repo.mutations $(ARGS)

mermaid: $(DEV) $(NPM) ## Parse our diagrams with the real Mermaid; needs Node.js
	CI=true $(BIN)/python -m pytest tests/integration/test_mermaid.py \
		tests/integration/test_mermaid_graph.py $(ARGS)

screenshots: $(DEV) $(NPM) ## Update the screenshots in docs/images; needs Node.js and Chromium
	@$(BIN)/python -I scripts/docs/screenshots.py $(ARGS)

clients: $(DEV) ## Test the emulator with Google's clients, and our requests with their schema
	@$(PIP_INSTALL) -r requirements/clients.txt
	$(BIN)/python -m pytest tests/emulator/test_official_clients.py tests/emulator/test_plan_source.py \
		tests/emulator/bigquery/test_official_client.py $(ARGS)

test-orchestrators: $(ORCHESTRATORS)/.is-installed ## Run the integrations in the real Airflow and Luigi
	$(ORCHESTRATORS)/bin/python -m pytest --numprocesses 2 --dist loadfile -W default \
		tests/orchestrators $(ARGS)

local: $(LOCAL)/.is-installed $(DATAFORM)/node_modules/.is-installed ## Build a project in a BigQuery server on this machine; PROJECT=PATH, SEED=FILE, ARGS=--serve
	@$(LOCAL)/bin/python scripts/local/run.py $(if $(PROJECT),--project "$(PROJECT)") \
		$(if $(SEED),--seed "$(SEED)") $(ARGS)

local-tests: $(LOCAL)/.is-installed $(DATAFORM)/node_modules/.is-installed ## Test with the real Dataform CLI, SQL analyzer and a BigQuery server; DATAFORM_PROJECTS=PATH compiles another checkout
	@echo "Node.js $$(node --version), Dataform CLI $$($(DATAFORM)/node_modules/.bin/dataform --version)"
	@$(LOCAL)/bin/python -m pip list --disable-pip-version-check 2>/dev/null | \
		grep -E '^(bqemulator|duckdb|zetasql|google-cloud-(bigquery|dataform)) '
	$(LOCAL)/bin/python -m pytest -p no:bqemulator --durations 5 tests/local $(ARGS)

docs: $(DEV) ## Build the reference pages of the library into build/docs
	@$(PIP_INSTALL) -r requirements/release.txt
	$(BIN)/python scripts/docs/api_pages.py

package: $(DEV) ## Build the wheel and the source distribution, and test the wheel
	@$(PIP_INSTALL) -r requirements/release.txt
	$(BIN)/python scripts/package.py

e2e: $(DEV) ## Build the image (or use E2E_IMAGE), and run and kill it like the runner; needs docker
	$(if $(E2E_IMAGE),,$(BIN)/python -I scripts/image/build.py)
	$(BIN)/python -m pytest --numprocesses 2 tests/e2e $(ARGS)

act: $(LOCAL)/.is-installed $(DATAFORM)/node_modules/.is-installed ## Run workflows that use the actions with act, from a pull request to the run; needs docker and Node.js
	@$(LOCAL)/bin/python -m pip install $(PIP_FLAGS) -r requirements/act.txt
	$(LOCAL)/bin/python -m pytest -p no:bqemulator tests/act $(ARGS)

image: $(DEV) ## Build the image, show the size of its layers, and check the budget; needs docker
	@$(BIN)/python -I scripts/image/size.py $(ARGS)

check: $(DEV) ## Lint, type-check, and check metadata and licences
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python -m mypy $(CODE)
	$(BIN)/python -m check_jsonschema --builtin-schema vendor.github-actions $(ACTIONS)
	$(BIN)/python -m check_jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/python -m check_jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet --persona auditor .
	$(BIN)/hadolint Dockerfile
	$(BIN)/pip-licenses --packages $(IMAGE_PACKAGES)
	$(BIN)/python -m yamllint --strict .
	$(BIN)/shellcheck $(SHELL_FILES)

check-workflows: $(WORKFLOW_CHECKS)/node_modules ## Check all workflows, also those in README and docs/; needs Node.js 18
	@"$(PYTHON)" $(WORKFLOW_CHECKS)/snippets.py build/snippets
	@node $(WORKFLOW_CHECKS)/check.mjs $(ACTIONS) $(WORKFLOWS) build/snippets/*.yml

release-rehearsal: $(RUN) ## Release a clone into a local registry, and use it; needs docker and docker-registry
	$(BIN)/python scripts/release/rehearse.py

bench: $(RUN) ## Compare the action with its peers; ARGS=--quick for a trial, ARGS=--write updates docs/benchmarks.md
	@$(PIP_INSTALL) -r requirements/clients.txt || echo "Google's client cannot be installed" >&2
	@$(BIN)/python -m benchmarks $(ARGS)

format: $(DEV) ## Rewrite the code in the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(DEV) ## Update requirements.txt and requirements/; LOCK_FLAGS=--upgrade upgrades the pins
	$(LOCK) pyproject.toml --extra google $(LEFT_OUT) --output-file requirements.txt
	$(LOCK) pyproject.toml --extra google --group dev --constraint requirements.txt \
		--output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra google --group clients --constraint requirements/dev.txt \
		--output-file requirements/clients.txt
	$(LOCK) pyproject.toml --extra google --group release --constraint requirements/dev.txt \
		--output-file requirements/release.txt
	$(subst --universal,--python-platform linux,$(LOCK)) pyproject.toml --extra google --extra airflow --extra luigi --group orchestrators \
		--constraint requirements.txt --output-file requirements/orchestrators.txt
	$(LOCK) --group act --output-file requirements/act.txt
	$(LOCK) pyproject.toml --extra google --group local --constraint requirements/dev.txt \
		--output-file requirements/local.txt

clean: ## Remove all generated files
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache \
		.pytest_cache .ruff_cache $(BROWSER)/node_modules $(WORKFLOW_CHECKS)/node_modules \
		$(DATAFORM)/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each recipe writes its stamp last, so an incomplete .venv is rebuilt.
$(RUN): requirements.txt requirements/dev.txt $(if $(shell test -x $(BIN)/python || echo gone),rebuild)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11 or newer: run make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot create virtual environments: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV)"
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV)
	@$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(DEV): $(RUN)
	@echo "Installing the development tools into $(VENV)"
	@$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@

$(WORKFLOW_CHECKS)/node_modules: $(WORKFLOW_CHECKS)/package-lock.json
	@npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(WORKFLOW_CHECKS)
	@touch $@

# Airflow pins its dependencies, so it has its own environment.
$(ORCHESTRATORS)/.is-installed: requirements/orchestrators.txt $(RUN)
	@echo "Installing Airflow and Luigi into $(ORCHESTRATORS)"
	@rm -rf $(ORCHESTRATORS)
	@"$(PYTHON)" -m venv $(ORCHESTRATORS)
	@$(ORCHESTRATORS)/bin/python -m pip install $(PIP_FLAGS) -r requirements/orchestrators.txt
	@touch $@

# The BigQuery server has many dependencies, so it has its own environment.
$(LOCAL)/.is-installed: requirements/local.txt $(RUN)
	@echo "Installing a BigQuery server and the SQL analyzer into $(LOCAL)"
	@rm -rf $(LOCAL)
	@"$(PYTHON)" -m venv $(LOCAL)
	@$(LOCAL)/bin/python -m pip install $(PIP_FLAGS) -r requirements/local.txt
	@touch $@

$(DATAFORM)/node_modules/.is-installed: $(DATAFORM)/package.json $(DATAFORM)/package-lock.json
	@command -v npm >/dev/null || \
		{ echo "npm is missing: install Node.js 20 or newer; on Debian, apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing the Dataform CLI into $(DATAFORM)/node_modules"
	@npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(DATAFORM)
	@touch $@

$(NPM): $(BROWSER)/package.json $(BROWSER)/package-lock.json
	@command -v npm >/dev/null || \
		{ echo "npm is missing: install Node.js 18 or newer; on Debian, apt-get install nodejs npm" >&2; exit 1; }
	@echo "Installing npm's packages into $(BROWSER)/node_modules"
	@cd $(BROWSER) && npm ci --no-progress --loglevel=error >/dev/null
	@touch $@

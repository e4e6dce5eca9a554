# Two commands on a fresh machine (Python >= 3.11, git, make): `make run`, `make test`.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
BENCHMARKS := spine sealing stores adapters templates rendering gitops
# Tests run on as many processes as there are cores; each has servers of its own.
JOBS   ?= auto
# A store for the tour to show instead of AWS and sealing: parameter-store, gcp, openbao, vault, kubernetes, webhook, fake, directory.
STORE  ?=

# What applications are rendered with; built from pinned modules, some minutes the first time.
PROGRAMS := $(BIN)/kustomize $(BIN)/helm

.PHONY: help setup run test test-fast check format bench compatibility crds fuzz tools lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) $(PROGRAMS) ## install everything into .venv, kustomize and helm too

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(PROGRAMS): $(STAMP) tests/tools/kustomize/go.sum tests/tools/helm/go.sum
	install -m 755 "$$($(BIN)/python tests/tools/build.py $(@F))" $@

run: $(STAMP) ## the tours: plan, sync and rotate on an embedded store (STORE=openbao); seal and re-seal; from Git to a cluster and back
	$(BIN)/python examples/tour.py $(STORE)
	$(if $(STORE),,$(BIN)/python examples/sealing_tour.py)
	$(if $(STORE),,$(BIN)/python examples/gitops_tour.py)

tools: setup ## build the API server and etcd that the tests run against
	$(BIN)/python tests/tools/build.py

test: setup tools ## every test, real parts included
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup

test-fast: setup ## the tests that need no built parts, in some minutes
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not built and not e2e"

check: $(STAMP) ## lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup tools ## the benchmark tables of docs/performance.md, some 20 minutes
	@missed=; for name in $(BENCHMARKS); do $(BIN)/python benchmarks/$$name.py || missed="$$missed $$name"; done; \
	test -z "$$missed" || { echo "missed a target, or failed:$$missed" >&2; exit 1; }

compatibility: setup ## docs/compatibility.md anew, from the tests that prove it
	$(BIN)/python tests/compatibility/page.py > docs/compatibility.md.new
	mv docs/compatibility.md.new docs/compatibility.md

crds: setup ## deploy/crds anew, from the classes that read the same manifests
	$(BIN)/python -m tests.deploy.store_crds
	$(BIN)/python -m tests.deploy.push_crds

fuzz: setup ## a million inputs for each parser of sealed things (FUZZ_RUNS=N)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	$(BIN)/python tests/fuzz/run.py

lock: ## resolve the requirements anew
	uv pip compile --generate-hashes --no-emit-index-url --universal --python-version 3.11 --group dev pyproject.toml -o requirements.lock
	uv pip compile --generate-hashes --no-emit-index-url --universal --python-version 3.11 --constraint requirements.lock pyproject.toml -o requirements-runtime.lock
	uv pip compile --generate-hashes --no-emit-index-url --python-version 3.11 --group fuzz -o requirements-fuzz.lock

clean: ## remove what setup and tests made
	rm -rf $(VENV) .cache out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# `make demo` and `make test` each work first and alone: all they need is Python 3.11 or newer, and the package registry.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast nightly nightly-tests test-destinations storm explore lint docs docs-site pictures benchmark audit dist sbom clean

# The newest suitable Python of this machine; python3 itself may be older than 3.11.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then echo $$python; break; fi; done)
# The machine's own uv, or one brought into .uv by pip.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := .venv/bin/
# Without bytecode, each command compiles dlt again, which takes two seconds.
unexport PYTHONDONTWRITEBYTECODE
UV_VERSION := 0.13.9
PIP_AUDIT := 2.10.1
TWINE := 7.0.0

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: .venv/ready  ## load a simulated account into harvest_demo.duckdb and run a few queries
	$(RUN)dlt-harvest demo

test: .venv/ready  ## run the tests, with the same cases each time
	PYTHONHASHSEED=0 $(RUN)pytest -n auto

test-fast: .venv/ready  ## run the quick tests, before each commit
	PYTHONHASHSEED=0 $(RUN)pytest -n auto -m fast --durations 0 --durations-min 3

nightly: nightly-tests storm  ## run everything: all tests, every destination's double, storms 1-300

nightly-tests: .venv/ready
	PYTHONHASHSEED=0 DESTINATIONS_SIZE=tiny $(RUN)pytest -n auto -m ""

test-destinations: .venv/ready  ## run the same company on every destination available here, and list the doubles used
	DESTINATIONS_SIZE=small $(RUN)pytest -n 0 tests/destinations tests/warehouse/destinations --timeout 1200

SEEDS ?= 1-300
DESTINATION ?= duckdb

storm: .venv/ready  ## days of faults decided by a seed, then a final sync: `make storm SEEDS=17` repeats one, DESTINATION=postgres on a server
	cd tests && PYTHONHASHSEED=0 ../$(RUN)python -m storm --seeds $(SEEDS) --destination $(DESTINATION)

# Drawn once, and printed: it decides every case.
SEED ?= $(shell od -An -N4 -tu4 /dev/urandom | tr -d ' ')
STORMS ?= 20

explore: SEED := $(SEED)
explore: .venv/ready  ## run new random cases, and storms: `make explore SEED=17` repeats them
	@echo "Once more: make explore SEED=$(SEED)"
	PYTHONHASHSEED=$(SEED) $(RUN)pytest -n auto -m hypothesis --hypothesis-profile explore --hypothesis-seed $(SEED)
	$(MAKE) storm SEEDS=$(SEED)-$$(($(SEED) + $(STORMS) - 1))

lint: .venv/ready  ## what CI checks in addition to the tests
	$(RUN)ruff check
	$(RUN)ruff format --check
	$(RUN)mypy
	$(RUN)mypy docs/pictures.py
	$(RUN)lint-imports
	$(RUN)python docs/generate --check
	$(RUN)marimo check --strict docs/explore.py src/harvest_warehouse/explore/gallery/*.py
	$(MAKE) --no-print-directory docs-site

docs: .venv/ready  ## regenerate pages from the code
	$(RUN)python docs/generate

docs-site: .venv/ready  ## build the documentation as a website in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(RUN)mkdocs build --strict --quiet

pictures: .venv/ready  ## retake the screenshots of the dashboard; needs Chromium
	$(RUN)python docs/pictures.py

benchmark: .venv/ready  ## compare with dltHub's example and the bare floor, and write docs/explanation/performance.md
	$(RUN)python -m benchmarks all

audit: .venv/ready  ## check uv.lock against the package index's advisories
	$(UV) export --quiet --locked --all-extras --no-emit-project --format requirements.txt --output-file .venv/locked.txt
	$(UV) tool run --quiet pip-audit==$(PIP_AUDIT) --strict --disable-pip --require-hashes --requirement .venv/locked.txt

dist: .venv/ready  ## build the wheel and the sdist, and check what an index will show
	$(UV) build --quiet --out-dir dist
	$(UV) tool run --quiet twine==$(TWINE) check --strict dist/*

sbom: .venv/ready  ## list the wheel's dependencies, as CycloneDX: sbom.cdx.json
	$(UV) export --quiet --locked --all-extras --format cyclonedx1.5 --output-file sbom.cdx.json

clean:  ## remove what was built, not what was loaded
	rm -rf .venv .uv .azurite dist site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: none of them is on this machine's PATH."; exit 1; }
	UV_PYTHON_DOWNLOADS=never $(UV) sync --locked --all-extras --all-groups --python $(PYTHON)
	@touch $@

.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: none of them is on this machine's PATH."; exit 1; }
	@# Debian's Python comes without venv; then pip itself will do.
	$(PYTHON) -m venv .uv && .uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	|| $(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv uv==$(UV_VERSION)

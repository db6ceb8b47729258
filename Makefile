# `make run` and `make test` set everything up first. PYTHON chooses the interpreter, PIP_ARGS goes to pip.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= all
# A configuration besides the default one: make run CONFIG=config/test.yaml
CONFIG =
# Tests at a time: one a core, at most eight (each takes about 1 GB of memory).
WORKERS ?= logical
BIN := .venv/bin
# The packages that a run needs, and those that tests, lint and benchmarks need besides.
LOCK := envs/requirements.lock
DEVELOPMENT_LOCK := envs/development.lock

.PHONY: setup setup-development run test test-all durations lint config lock audit clean-env

setup: .venv/.ready
setup-development: .venv/.ready-development

# An environment may have been cut off by a full disk, lost its Python, or been moved since.
GOALS := $(or $(MAKECMDGOALS),setup)
BROKEN = $(BIN)/python envs/check_environment.py
ifneq ($(and $(wildcard .venv/.ready),$(filter setup setup-development run test test-all durations lint config,$(GOALS))),)
LOCKS := $(LOCK) $(if $(filter-out setup run config,$(GOALS)),$(and $(wildcard .venv/.ready-development),$(DEVELOPMENT_LOCK)))
ifneq ($(shell { $(BROKEN) $(LOCKS) && $(BIN)/pip --version >/dev/null; } 2>/dev/null || echo no Python),)
$(info .venv is damaged and will be mended)
$(shell rm -f .venv/.ready .venv/.ready-development)
endif
endif

# A stale environment is mended, not rebuilt: pip changes only what differs from the lock, or is not whole.
# Older pips would build a package without a wheel in a way that keeps no list of its files: --use-pep517.
PIP_INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 $(PIP_ARGS)
# Packages that rule4ml declares stay out. Those that the others declare are in the lock, but for those of a wheel of
# another kind than the lock was made with: PyTorch's for GPUs brings the libraries of CUDA.
define install
	$(PIP_INSTALL) --progress-bar on --no-deps -r $(1)
	@grep -v '# without what it declares' $(1) | $(PIP_INSTALL) -r /dev/stdin
	@broken=$$($(BROKEN) $(1)) && { test -z "$$broken" || { echo "Installing again what is not whole: $$broken"; \
	  $(PIP_INSTALL) --ignore-installed --no-deps $$broken && left=$$($(BROKEN) $(1)) && { test -z "$$left" || \
	  { echo "pip does not install $$left whole: see what it says above, or set everything up anew with make clean-env"; exit 1; }; }; }; }
endef

.venv/.ready: $(LOCK) pyproject.toml
	@case "$$PWD" in *[[:space:]{}\(\)\<\>\$$\&\;\|*?\"\'\\\`]*) echo "$$PWD has a space, a brace, a quote or the like \
	  in its name, with which no job can be started from there: move it to a folder without"; exit 1;; esac
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed, $(PYTHON) is $$($(PYTHON) --version); name one: make setup PYTHON=python3.11"; exit 1; }
	@command -v g++ >/dev/null || { echo "A C++ compiler is needed: install g++ (Debian: apt install g++)"; exit 1; }
	@echo "Setting up .venv (about 2 GB, a few minutes)"
	@{ $(BIN)/python -m pip --version && $(BIN)/pip --version; } >/dev/null 2>&1 || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	$(call install,$(LOCK))
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
	@$(BIN)/python -Es -m snacpack.run.preflight || echo "The packages are installed all the same. Each run tries again what its own jobs need."

.venv/.ready-development: $(DEVELOPMENT_LOCK) .venv/.ready
	@echo "Adding to .venv what tests need (about 2 GB, a few minutes)"
	$(call install,$(DEVELOPMENT_LOCK))
	@touch $@

# Without the packages of PYTHONPATH, and with a home and caches where the machine has none.
run: setup
	@$(BIN)/python -Es -m snacpack.run $(if $(CONFIG),--configfile $(CONFIG)) --cores $(CORES)

# Tests that share a run stay together on one worker.
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

# The unit tests and one small pipeline. Tests marked as thorough come with test-all: kills, faults, Slurm and more.
test: setup-development
	@$(PYTEST) -m "not thorough"

test-all: setup-development
	@$(PYTEST)

# How long each of these takes, the slowest first: to be done on a quiet machine.
durations: setup-development
	$(PYTEST) -m "not thorough" --durations 60 -q > .durations && \
	  { echo "# Made by 'make durations' on $$(nproc) cores, load average $$(cut -d ' ' -f 1 /proc/loadavg)."; \
	    sed -n '/slowest/,$$p' .durations; } > benchmarks/results/test_durations.txt && rm .durations || \
	  { cat .durations; rm .durations; exit 1; }

lint: setup-development .lint-env/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.lint-env/bin/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

# snakefmt needs a newer package "packaging" than Snakemake's plugins allow, so it has an environment of its own.
.lint-env/.ready: envs/lint.lock
	@rm -rf .lint-env && $(PYTHON) -m venv .lint-env
	.lint-env/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) --no-deps -r envs/lint.lock
	@touch $@

# Writes what follows from the definitions in snacpack/config: config.yaml, config.schema.yaml and the tables of README.md.
config: setup
	@$(BIN)/python -m snacpack.config

# Resolves envs/*.in anew, into both locks and the file for conda; review the difference before committing it.
lock:
	rm -rf .lock-env && $(PYTHON) -m venv .lock-env
	.lock-env/bin/python envs/make_locks.py $(PIP_ARGS)
	rm -rf .lock-env

# Asks the service of PyPI, or with AUDIT_ARGS="-s osv" that of OSV, for known vulnerabilities of the pinned packages.
# Strict, because what the service does not know would pass for harmless.
audit:
	rm -rf .audit-env && $(PYTHON) -m venv .audit-env
	.audit-env/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) pip-audit==2.10.1
	@.audit-env/bin/pip-audit --strict --no-deps --disable-pip $(AUDIT_ARGS) -r $(LOCK) -r $(DEVELOPMENT_LOCK) && rm -rf .audit-env || \
	  { rm -rf .audit-env; echo "There are known vulnerabilities, or the service did not answer for every package: see above"; exit 1; }

clean-env:
	rm -rf .venv .lint-env

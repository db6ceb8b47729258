# `make run` and `make test` set everything up first. PYTHON chooses the interpreter, PIP_ARGS goes to pip.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES ?= all
BIN := .venv/bin
LOCK := envs/requirements.lock

.PHONY: setup run test lint lock audit clean-env

setup: .venv/.ready

# What is there may have been cut off by a full disk, lost its Python, or been moved since.
BROKEN = $(BIN)/python envs/check_environment.py $(LOCK)
ifneq ($(and $(wildcard .venv/.ready),$(filter setup run test lint,$(or $(MAKECMDGOALS),setup))),)
ifneq ($(shell { $(BROKEN) && $(BIN)/pip --version >/dev/null; } 2>/dev/null || echo no Python),)
$(info .venv is damaged and will be mended)
$(shell rm -f .venv/.ready)
endif
endif

# A stale environment is mended, not rebuilt: pip changes only what differs from the lock, or is not whole.
.venv/.ready: $(LOCK) pyproject.toml
	@case "$$PWD" in *[[:space:]{}\(\)\<\>\$$\&\;\|*?\"\'\\\`]*) echo "$$PWD has a space, a brace, a quote or the like \
	  in its name, with which no job can be started from there: move it to a folder without"; exit 1;; esac
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed, $(PYTHON) is $$($(PYTHON) --version); name one: make setup PYTHON=python3.11"; exit 1; }
	@command -v g++ >/dev/null || { echo "A C++ compiler is needed: install g++ (Debian: apt install g++)"; exit 1; }
	@echo "Setting up .venv (about 4 GB, a few minutes)"
	@{ $(BIN)/python -m pip --version && $(BIN)/pip --version; } >/dev/null 2>&1 || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	$(BIN)/pip install --quiet --disable-pip-version-check --progress-bar on $(PIP_ARGS) -r $(LOCK)
	@broken=$$($(BROKEN)) && { test -z "$$broken" || { echo "Installing again what is not whole: $$broken"; \
	  $(BIN)/pip install --quiet --disable-pip-version-check $(PIP_ARGS) --ignore-installed --no-deps $$broken && test -z "$$($(BROKEN))"; }; }
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -Es -m snacpack.run.preflight
	@touch $@

# Without the packages of PYTHONPATH, and with a home and caches where the machine has none.
run: setup
	@$(BIN)/python -Es -m snacpack.run --cores $(CORES)

test: setup
	@$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakemake --lint

# Resolves envs/requirements.in anew, for pip and for conda; review the difference before committing it.
lock:
	rm -rf .lock-env && $(PYTHON) -m venv .lock-env
	.lock-env/bin/pip install --quiet $(PIP_ARGS) -r envs/requirements.in
	{ echo "# Made by 'make lock' from requirements.in with Python 3.11 on Linux x86-64."; \
	  echo "--only-binary pythia8mc,fastjet"; \
	  .lock-env/bin/pip freeze --all --exclude pip | sed 's/+cpu$$//'; } > $(LOCK)
	rm -rf .lock-env
	$(MAKE) envs/environment.yaml

# The pins are written out: Snakemake copies the file elsewhere, where a path to the lock would lead nowhere.
envs/environment.yaml: $(LOCK)
	{ echo "# Made by 'make lock'; the same pins as requirements.lock."; \
	  printf 'name: snacpack\nchannels:\n  - conda-forge\ndependencies:\n'; \
	  printf '  - python=3.11\n  - pip\n  - cxx-compiler\n  - make\n  - pip:\n'; \
	  grep -v '^#' $(LOCK) | sed 's/^/    - /'; } > $@

# Asks the service of PyPI, or with AUDIT_ARGS="-s osv" that of OSV, for known vulnerabilities of the pinned packages.
# Strict, because what the service does not know would pass for harmless.
audit:
	rm -rf .audit-env && $(PYTHON) -m venv .audit-env
	.audit-env/bin/pip install --quiet --disable-pip-version-check $(PIP_ARGS) pip-audit==2.10.1
	@.audit-env/bin/pip-audit --strict --no-deps --disable-pip $(AUDIT_ARGS) -r $(LOCK) && rm -rf .audit-env || \
	  { rm -rf .audit-env; echo "There are known vulnerabilities, or the service did not answer for every package: see above"; exit 1; }

clean-env:
	rm -rf .venv

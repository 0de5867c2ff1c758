# `make help` lists the targets. Everything goes into .venv; the stamps in it tell what is up to date.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check
CORE := $(wildcard _core/*)

# What pyproject.toml requires to build and to run, and by the extras named as arguments.
REQUIREMENTS := $(BIN)/python -c 'import sys, tomllib; \
	read = tomllib.load(open("pyproject.toml", "rb")); project = read["project"]; \
	extras = [project["optional-dependencies"][name] for name in sys.argv[1:]]; \
	print(*sum(extras, read["build-system"]["requires"] + project["dependencies"]), sep="\n")'

# A virtual environment keeps the interpreter it was made with; say so instead of ignoring what was asked for.
ifeq ($(origin PYTHON),command line)
ifneq ($(wildcard $(BIN)/python),)
ifneq ($(shell $(PYTHON) -V 2>/dev/null),$(shell $(BIN)/python -V 2>/dev/null))
$(error $(VENV) has $(shell $(BIN)/python -V); remove it (rm -rf $(VENV)) to use $(PYTHON))
endif
endif
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help venv serve build tools test lint types docs screenshots debug sanitize bench compare peers profile clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
	@echo 'PYTHON=python3.13 chooses the interpreter when .venv is made; ARGS="..." goes to relay serve or to pytest.'

serve: $(VENV)/.installed ## run the relay, as in: make serve ARGS="--port 9000"
	@exec $(BIN)/relay serve $(ARGS)

build: $(VENV)/.installed ## build the compiled core in place and install the package, editable

venv: $(VENV)/.tests ## install everything the project depends on, without the project

test: tools build $(VENV)/.tests tests/node_modules/.installed ## install what the tests need, then run them all
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/.tests ## check style: ruff, and cython-lint on the parts of the core
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint _core/*.pxi

types: build $(VENV)/.tests ## check types: mypy, and the core's stubs against the core
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest relay._core relay._load

docs: build ## write the tables of settings into docs/operating.md
	$(BIN)/python docs/settings.py

screenshots: tools build $(VENV)/.tests ## take the pictures in docs/images, with Chromium
	$(BIN)/python docs/screenshots.py $(ARGS)

# These two test a copy of the package in build/<mode>/package, so the source tree keeps its release build.
# PYTHONSAFEPATH keeps `python -m` from preferring the source tree to the copy.
build_copy = RELAY_BUILD=$(1) $(BIN)/python setup.py -q build --build-lib build/$(1)/package
use_copy = PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/build/$(1)/package
assert_copy = $(BIN)/python -c 'from relay import _core; assert _core.IS_DEBUG, _core.__file__'

debug: build $(VENV)/.tests ## run the tests with the core's invariants checked
	$(call build_copy,debug)
	$(call use_copy,debug) $(assert_copy)
	$(call use_copy,debug) $(BIN)/pytest --ignore=tests/packaging $(ARGS)

# Leaks are not looked for: the interpreter itself leaves memory behind. A browser does not start under ASan. What runs no more
# of the compiled code than other tests do already is left out: clients and commands in processes of their own, an operator's HTTP,
# and what a plan computes in Python; only its measuring is a load.
UNSANITIZED := packaging browser clients config monitoring python_clients \
	$(addprefix admin_side/test_,access.py deploy.py listener.py) \
	$(addprefix bench/test_,against.py bench_command.py bench_output.py compare.py documentation.py flame.py idle_memory.py) \
	$(addprefix bench/test_,peers.py peers_command.py) \
	$(filter-out plan/test_measuring.py,$(patsubst tests/%,%,$(wildcard tests/plan/test_*.py))) \
	server/test_command_line.py test_house.py
use_sanitizers = $(call use_copy,sanitize) PYTHONMALLOC=malloc \
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

sanitize: build $(VENV)/.tests ## run the tests of the compiled code under ASan and UBSan
	$(call build_copy,sanitize)
	$(use_sanitizers) $(assert_copy)
	$(use_sanitizers) $(BIN)/pytest $(UNSANITIZED:%=--ignore=tests/%) --capture=sys --timeout=300 $(ARGS)

bench: build $(VENV)/.tests ## run the benchmark suite
	$(BIN)/pytest benchmarks $(ARGS)

compare: build $(VENV)/.tests ## run the benchmark suite and compare it with benchmarks/ratios.json
	@mkdir -p build/compare
	$(BIN)/pytest benchmarks --benchmark-json=build/compare/figures.json $(ARGS)
	$(BIN)/python -m benchmarks.compare build/compare/figures.json $(if $(ARGS),--partial)

peers: build $(VENV)/.tests ## the relay and its peers in turn; ARGS="--peers bun,ws --rounds 1" goes to it
	$(BIN)/python -m benchmarks.peers --json build/peers/figures.json $(ARGS)

profile: build $(VENV)/.tests ## a flame graph of the relay in build/profile, as in: make profile ROW="16 KiB"
	$(BIN)/python -m benchmarks.flame $(if $(ROW),--row "$(ROW)") $(ARGS)

clean: ## remove what was built, but not .venv
	rm -rf build dist *.egg-info relay/*.so $(VENV)/.installed
	rm -rf .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'relay needs Python 3.11 or later, and $(PYTHON) is not there or older: name one, as in make serve PYTHON=python3.13' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) has no venv module (Debian: apt-get install python3-venv)' >&2; exit 1; }
	@echo 'Setting up $(VENV), once.'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.requirements: pyproject.toml $(VENV)/.created
	@$(REQUIREMENTS) | $(PIP_INSTALL) -r /dev/stdin
	@touch $@

$(VENV)/.tests: $(VENV)/.requirements
	@$(REQUIREMENTS) test bench dev | $(PIP_INSTALL) -r /dev/stdin
	@touch $@

# build_ext comes first because it fails in few words; the editable install then finds everything built.
$(VENV)/.installed: $(VENV)/.requirements setup.py $(CORE)
	@echo 'Building the core.'
	@$(BIN)/python setup.py -q build_ext --inplace
	@$(PIP_INSTALL) --no-build-isolation --no-deps -e .
	@touch $@

# Tools that tests drive. Without them the tests say so: they skip, or with CI set they fail.
TOOLS := gcc:gcc node:nodejs npm:npm chromium:chromium

tools:
	@for tool in $(TOOLS); do \
		command -v "$${tool%:*}" >/dev/null && continue; \
		echo "$${tool%:*} is missing"; \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null || continue; \
		[ -n "$$updated" ] || apt-get update -qq; updated=yes; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$${tool#*:}" </dev/null >/dev/null || true; \
	done

tests/node_modules/.installed: tests/package.json
	@! command -v npm >/dev/null || { cd tests && npm install --no-audit --no-fund --loglevel=error && touch node_modules/.installed; }

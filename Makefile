# make demo    a tour in about a minute: trains on drawn letters, evaluates, predicts, explains
# make test    all tests
# make lint    format, style, types, the direction of imports
# make docs    the guide: its pictures, what its code prints, its notebook; trains a small network first
# make bench   the figures of benchmarks/README.md, beside their peers
#
# Each does its own set-up in .venv; PYTHON=python3.12 names another Python, `rm -rf .venv` starts afresh.

SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint docs chromium
.DEFAULT_GOAL := demo

demo: $(VENV)/installed-train
	@$(BIN)/eyespot demo

test: $(VENV)/installed-dev chromium
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

# For the tests marked `browser`: installed where that is surely welcome, on Debian, as root, in continuous integration. Elsewhere,
# and where it cannot be had, they are skipped and say what they need.
chromium:
	@if [ "$$CI" = true ] && [ "$$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release && ! command -v chromium >/dev/null; then \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || true; \
	fi

lint: $(VENV)/installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy --strict src
	@$(BIN)/lint-imports --no-logo

docs: $(VENV)/installed-train
	@cd docs/guide && $(CURDIR)/$(BIN)/python -m guidebook

# A stamp's name ends in the extra that it stands for; it is out of date when what is to be installed has changed.
$(VENV)/installed-%: pyproject.toml constraints.txt | $(VENV)/bin/pip
	@echo "Installing Eyespot [$*] into $(VENV): a minute or more, once"
	@set -o pipefail; $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt --editable ".[$*]" \
	  | sed -n -e '/^ *Downloading .* MB)/p' -e '/^Successfully/s/ installed.*/ installed/p'
	@touch $@

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Eyespot needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing). Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

include benchmarks/Makefile.inc

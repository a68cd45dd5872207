# SPDX-License-Identifier: GPL-3.0-or-later
# Everything a person types here. `make help` lists it; each target is one line, the work is in tools/ and pyproject.toml.

PYTHON ?= python3
BIN := .venv/bin
# fast first: a mistake in the rules shows within three seconds, before any Blender starts
SUITES ?= $(wildcard $(addprefix tests/,core scheduler worker store manager console client cli docs transfer imaging blendfile blender worker_io orders e2e faults net))
NAME ?= frames

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench run lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## get what is needed into .venv (and, as root on Debian, the system's libraries); quick when done
	@$(PYTHON) tools/setup.py

demo: setup ## render the demo scene and make its contact sheet
	@$(BIN)/python examples/demo/run.py

test: setup ## run all tests, fast ones first (SUITES=tests/core for some)
	@$(BIN)/python -m pytest $(SUITES)

check: setup ## ruff, mypy --strict and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup ## measure what the project claims (NAME=frames)
	@$(BIN)/python -m bench $(NAME) --json

run: setup ## manager, page and one worker on this machine
	@$(BIN)/brender up

lock: setup ## pin the newest versions that fit into requirements/
	@$(BIN)/python tools/lock.py

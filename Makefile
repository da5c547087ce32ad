# SPDX-License-Identifier: Apache-2.0
# A thin front: every target sets up what it needs first (nothing, the second time) and calls one command.

VENV ?= .venv
BIN := $(VENV)/bin
PACKAGES := runtime-c ai-runner board-support emitter cli
PYTEST_WORKERS ?= 2
PYTEST_FLAGS ?=
# Not empty: the set-up installs PyTorch, too (800 MB), without which the tests of .pt2 models are skipped.
WITH_TORCH ?=
# Not empty: make bench writes what it measured to docs/.
UPDATE ?=
BENCH_FLAGS ?=
# One of the folders in examples/.
NAME ?= custom_operator

# Words of the original application, from the environment or from `make NAME=value`.
MODEL_PATH ?=
BOARD ?= qemu-mps2-an386
LAYOUT ?=
SERIAL_NUMBER ?=
ARM_PATH ?=
X_CUBE_TOOL_PATH ?=
X_CUBE_PATH ?=
TVM_PATH ?=
export ARM_PATH X_CUBE_TOOL_PATH X_CUBE_PATH TVM_PATH
# Hundreds of tests start a Python, which need not compile our sources each time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo example bench test lint types contracts c-format unit packaging format perf valid info flash clean distclean

help:
	@echo "make demo        compile the digit classifier, boot it on an emulated Cortex-M4, compare every output byte"
	@echo "make example     NAME=keyword_spotting: one of examples/, to its end on an emulated board"
	@echo "make test        lint, types, import contracts, C format, every test"
	@echo "make bench       costs of the MLPerf Tiny models on the emulated boards, against docs/benchmarks.md; UPDATE=1 accepts"
	@echo "make setup       only the set-up that demo and test start with"
	@echo "make format      format Python and C sources in place"
	@echo "make perf|valid  build MODEL_PATH=DIR for BOARD=NAME; then make flash [SERIAL_NUMBER=...], make info, make clean"

setup:
	@VENV=$(VENV) sh scripts/setup.sh --venv $(abspath $(VENV)) $(if $(WITH_TORCH),--with-torch)

demo: setup
	@$(BIN)/python scripts/demo.py

example: setup
	@test -f "examples/$(NAME)/run.py" || { echo "there is no examples/$(NAME); see examples/README.md" >&2; exit 2; }
	@$(BIN)/python -m "examples.$(NAME).run"

bench: setup
	@$(BIN)/python scripts/bench.py $(if $(UPDATE),--update) $(BENCH_FLAGS)

test: lint types contracts c-format unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	@for package in $(PACKAGES); do echo "mypy --strict packages/$$package" && $(BIN)/mypy packages/$$package/src || exit 1; done

contracts: setup
	$(BIN)/lint-imports --no-cache

c-format: setup
	$(BIN)/python scripts/c_format.py --check

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python scripts/c_format.py

# A worker keeps a core busy: threads of the linear algebra would only wait for those of the other worker.
unit: export OMP_NUM_THREADS = 1
unit: export OPENBLAS_NUM_THREADS = 1
unit: setup
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pytest -n $(PYTEST_WORKERS) --dist worksteal $(PYTEST_FLAGS) packages tests

packaging: setup
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pytest $(PYTEST_FLAGS) tests/packaging

perf valid: setup
	@$(BIN)/python scripts/front.py $@ --model-path "$(MODEL_PATH)" --board "$(BOARD)" --layout "$(LAYOUT)"

info: setup
	@$(BIN)/python scripts/front.py info --board "$(BOARD)"

flash: setup
	@$(BIN)/python scripts/front.py flash --board "$(BOARD)" --serial-number "$(SERIAL_NUMBER)"

clean:
	rm -rf build/$(BOARD)

distclean:
	rm -rf build .venv .cache

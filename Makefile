# The front door. `make reproduce` and `make test` need only Python, make and a C++ compiler: they
# set up a virtual environment in .venv and build noisync there.
PYTHON ?= python3
OUT ?= results
VENV := .venv
BIN := $(VENV)/bin
SITE = $(shell $(BIN)/python -c "import sysconfig; print(sysconfig.get_path('platlib'))")
SOURCES := CMakeLists.txt pyproject.toml README.md \
  $(shell find cpp python -type f -not -name '*.pyc')
CPP_FILES := $(shell find cpp tests/cpp bench/cpp -name '*.cpp' -o -name '*.hpp')
# What trains needs packages that nothing else does.
TRAINED := docs/gallery/suppressed_noise.py
DOCTEST := $(firstword $(wildcard /usr/include/doctest/doctest.h /usr/local/include/doctest/doctest.h))
CMAKE = $(BIN)/cmake -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DCMAKE_PREFIX_PATH=$(SITE)

.PHONY: help reproduce test lint test-python test-cpp doctest valgrind validate sanitize instructions wheel bench bench-cpp bench-python clean
.DELETE_ON_ERROR:

help:
	@echo "make reproduce  build, then recompute the paper's table and figures into $(OUT)/"
	@echo "make test       build, then every check: linters, types, C++ and Python tests"
	@echo "make validate   what takes long: make sanitize, 200 killed runs, simulations beside exact values, the gallery"
	@echo "make sanitize   C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make instructions  what the kernels take, counted by callgrind, against what is kept"
	@echo "make wheel      wheel with the SIMD levels x86-64-v2, v3, v4, checked in an empty environment"
	@echo "make bench      C++ microbenchmarks, then everything against PyTorch and NumPy in one run"

reproduce: $(VENV)/installed
	$(BIN)/noisync reproduce all --out $(OUT)

test: lint test-cpp test-python instructions

# pip 25.1 is the first that installs dependency groups.
$(VENV)/tools: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group build
	touch $@

$(VENV)/installed: $(VENV)/tools $(SOURCES)
	$(BIN)/python -m pip install --quiet --no-build-isolation -C build-dir=build/python .
	touch $@

$(VENV)/developer: $(VENV)/tools pyproject.toml
	$(BIN)/python -m pip install --quiet --group test --group lint
	touch $@

lint: $(VENV)/installed $(VENV)/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP_FILES)
	$(BIN)/mypy
	$(BIN)/stubtest noisync._core noisync._cpu --allowlist tests/stubtest_allowlist.txt
	$(BIN)/python tests/run_clang_tidy.py build/python

test-python: $(VENV)/installed $(VENV)/developer
	$(BIN)/python -m pytest

validate: sanitize $(VENV)/installed $(VENV)/developer
	$(BIN)/python tests/validation/kill.py --kills 200
	$(BIN)/python tests/validation/validate.py
	for script in $(sort $(filter-out $(TRAINED),$(wildcard docs/gallery/*.py))); do \
	  echo "$$script"; $(BIN)/python $$script || exit 1; done

# The C++ tests are built where the extension is, from the same objects of the core.
test-cpp: $(VENV)/installed doctest
	$(BIN)/cmake -S . -B build/python -DNOISYNC_TESTS=ON
	$(BIN)/cmake --build build/python --target noisync_tests
	OMP_WAIT_POLICY=passive build/python/tests/cpp/noisync_tests

sanitize: $(VENV)/tools doctest
	$(CMAKE) -S . -B build/sanitize -DNOISYNC_PYTHON=OFF -DNOISYNC_TESTS=ON -DNOISYNC_SANITIZE=ON
	$(BIN)/cmake --build build/sanitize --target noisync_tests
	build/sanitize/tests/cpp/noisync_tests

# Instructions of the kernels against those that are kept; KEEP=--write keeps them.
instructions: $(VENV)/tools valgrind
	$(CMAKE) -S . -B build/instructions -DNOISYNC_PYTHON=OFF -DNOISYNC_INSTRUCTIONS=ON \
	  -DNOISYNC_LEVELS=x86-64-v3
	$(BIN)/cmake --build build/instructions
	$(BIN)/python tests/validation/instructions.py build/instructions $(KEEP)

# Where valgrind is not and may not be installed, instructions are not counted, which is said.
valgrind:
ifeq ($(shell command -v valgrind),)
	@if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq valgrind; \
	fi
endif

# The C++ tests need the header of doctest, which is not on PyPI.
doctest:
ifeq ($(DOCTEST),)
	@if command -v apt-get > /dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -y -qq doctest-dev; \
	else \
	  echo "the C++ tests need doctest: install it (Debian: apt-get install doctest-dev)" >&2; \
	  exit 1; \
	fi
endif

wheel: $(VENV)/tools
	rm -rf build/wheel-check dist/*.whl
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist \
	  -C build-dir=build/wheel -C "cmake.define.NOISYNC_LEVELS=x86-64-v2;x86-64-v3;x86-64-v4" .
	$(PYTHON) -m venv build/wheel-check
	build/wheel-check/bin/python -m pip install --quiet dist/*.whl
	cd build/wheel-check && bin/python $(CURDIR)/tests/check_wheel.py

bench: bench-cpp bench-python

bench-cpp: $(VENV)/tools
	$(CMAKE) -S . -B build/bench -DNOISYNC_PYTHON=OFF -DNOISYNC_BENCH=ON
	$(BIN)/cmake --build build/bench
	build/bench/bench/cpp/noisync_bench --benchmark_counters_tabular=true

bench-python: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --no-build-isolation -C build-dir=build/python ".[bench]"
	$(BIN)/python bench/python/peers.py

clean:
	rm -rf build dist $(VENV)

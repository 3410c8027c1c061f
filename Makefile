# The front door. Every target is a line or two; `make help` lists them.
# Build trees: build (release, build/dlx), build-test (optimized, asserts on), build-<other> for the rest.

JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 600
COVER_MIN ?= 90
CTEST = ctest --output-on-failure --no-label-summary -j $(JOBS) --no-tests=error

.DEFAULT_GOAL := dlx
.PHONY: help dlx lib demo test quick cover check asan ubsan tsan fuzz fuzz-cover bench conformance executorch onnxruntime install \
        uninstall card picture format tidy setup clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

dlx: ## the release binary, build/dlx
	@scripts/configure release
	@cmake --build build --target dlx -j $(JOBS)

lib: ## the shared and the static library, build/libdlx.*
	@scripts/configure release
	@cmake --build build --target dlx_shared dlx_static -j $(JOBS)

setup: ## install the packages that building and testing need
	@scripts/setup

demo: ## show the shipped model at work
	@scripts/setup --missing || scripts/setup
	@$(MAKE) --no-print-directory dlx
	@scripts/demo

test: ## build everything, run every test
	@scripts/setup --missing || scripts/setup
	@scripts/configure test
	@cmake --build build-test -j $(JOBS)
	@$(CTEST) --test-dir build-test

quick: ## the unit tests alone: seconds
	@scripts/configure test
	@cmake --build build-test -j $(JOBS)
	@$(CTEST) --test-dir build-test -L quick

cover: ## line coverage of src/; fails under COVER_MIN percent
	@scripts/configure cover
	@cmake --build build-cover -j $(JOBS)
	@scripts/cover $(COVER_MIN)

check: ## format, clang-tidy, headers, rooms, laws, symbols, cross builds
	@scripts/check

asan ubsan tsan: ## the same tests under a sanitizer
	@scripts/configure $@
	@cmake --build build-$@ -j $(JOBS)
	@$(CTEST) --test-dir build-$@

fuzz: ## libFuzzer: make fuzz T=gguf SECONDS=600 (without T: list the targets)
	@scripts/fuzz "$(T)" "$(SECONDS)"

fuzz-cover: ## line coverage of the parsers, by the corpora alone
	@scripts/fuzz-cover

bench: dlx ## speed of this machine against its roofs
	@scripts/bench

conformance: dlx ## third-party checks in Python environments with pinned versions
	@scripts/conformance/run

executorch: ## the library by which dlx runs .pte programs (installs ExecuTorch where there is none)
	@scripts/executorch

onnxruntime: ## the library by which dlx runs directories of ONNX graphs (installs it where there is none)
	@scripts/onnxruntime

card: dlx ## measure every figure of the shipped model's card and write them into it
	@scripts/card

picture: dlx ## draw docs/denoising.svg from a real run
	@scripts/draw-denoising > docs/denoising.svg

install: dlx lib ## into PREFIX (/usr/local); DESTDIR is honoured
	@DESTDIR=$(DESTDIR) cmake --install build --prefix $(PREFIX)

uninstall: ## remove what the last install put there
	@test -f build/install_manifest.txt && xargs rm -f < build/install_manifest.txt

format: ## rewrite the C files with clang-format
	@scripts/format

tidy: ## clang-tidy on every file
	@scripts/tidy --all

clean: ## remove the build trees
	@rm -rf build build-*

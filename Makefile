# SPDX-License-Identifier: MIT
# The front door. `make help` lists what it can do; scripts/ does the work, and full logs go to build/log/.

# Which test kernel: a whole version or a beginning of one (see scripts/fetch-kernel --list).
KERNEL ?=
# Which card `make run` and `make vm` plug in: by default the first chip that .config enables. "all": one of each, for
# `make run`, and one after the other, for `make bench`.
CHIP ?= $(firstword $(HALYARD_CHIPS))
prefix ?= /usr/local
DESTDIR ?=

export KERNEL
# The makes that the scripts run are no parts of this one: they have their own variables and their own -j.
unexport MAKEFLAGS MFLAGS MAKELEVEL

# Which chips are enabled. Targets that change or remove the configuration must not read it first.
ifeq ($(filter %config help clean distclean setup build-setup,$(MAKECMDGOALS)),)
-include build/config/auto.conf
build/config/auto.conf: $(wildcard .config configs/defconfig Kconfig */Kconfig */*/*/Kconfig)
	@scripts/setup run
	@scripts/kconfig generate
	@touch $@
endif

.DEFAULT_GOAL := all
.PHONY: all run check check-debug check-deep check-ggml run-llm soak bench vm setup build-setup user modules docs install clean distclean help \
	menuconfig defconfig olddefconfig savedefconfig

all: user modules ## Build everything: user space and the kernel modules

run: all ## Boot a VM with one card and classify the handwritten digits on it
	@scripts/run digits --card "$(CHIP)" --kernel "$(KERNEL)"

check: setup ## Run the tests and checks; one summary at the end
	@scripts/check

check-debug: setup ## The tests on a debug kernel, built once: KASAN, UBSAN, lockdep, kmemleak, fault injection, KCSAN
	@scripts/check --debug

check-deep: setup ## All of it: check, check-debug, and sanitizers, fuzzers, clang-tidy
	@scripts/check --deep

check-ggml: setup user ## ggml's and llama.cpp's own tests with our back end, on each chip in process (fetches both of Debian's, once)
	@scripts/check ggml-all llama-archs

run-llm: all ## llama.cpp from Debian writes a text on a card in the VM, and on the chip's model here (fetches it, once)
	@scripts/run-llm --card "$(CHIP)" --kernel "$(KERNEL)"

soak: all ## For hours: 100,000 injected faults under load, ten minutes of killed clients on each card
	@scripts/soak --kernel "$(KERNEL)"

bench: setup all ## Measure: VM latency and throughput, engine and sim on the host
	@scripts/bench --card "$(CHIP)" --kernel "$(KERNEL)"

vm: all ## A shell inside the VM: card plugged in, modules loaded, build tree mounted
	@scripts/vm shell --card "$(CHIP)" --kernel "$(KERNEL)"

setup: ## Install the Debian packages that are missing, for all targets (the only thing that wants root)
	@scripts/setup

# Of them what building and running need.
build-setup:
	@scripts/setup run

user: build-setup ## Build user space: HAL, tools, emulator, tests (build/user)
	@scripts/build-user

modules: build-setup ## Build the kernel modules for KERNEL= (build/kernel/<version>); C=1 adds sparse
	@scripts/kbuild --kernel "$(KERNEL)" $(if $(filter-out 0,$(C)),--sparse) modules

docs: setup ## Build the documentation (build/docs/html)
	@scripts/docs

menuconfig: build-setup ## Choose chips, kernel features, HAL back ends and runtimes
	@scripts/kconfig menuconfig

defconfig: build-setup ## Start .config from configs/defconfig
	@scripts/kconfig defconfig

olddefconfig: build-setup ## Keep .config, take the defaults for what it does not name
	@scripts/kconfig olddefconfig

savedefconfig: build-setup ## Write configs/defconfig: what .config has that differs from the defaults
	@scripts/kconfig savedefconfig

install: all ## Install below DESTDIR= and prefix= (/usr/local): library, headers, tools, udev rule, modules
	@scripts/install --destdir "$(DESTDIR)" --prefix "$(prefix)" --kernel "$(KERNEL)"

clean: ## Remove what was built; .config and the cache stay
	@rm -rf build

distclean: clean ## Remove .config too; the cache is $HALYARD_CACHE, by default ~/.cache/halyard
	@rm -f .config .config.old

help: ## This list
	@echo 'Halyard. Targets:'
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo 'Variables:'
	@echo '  KERNEL=6.12.95  test kernel: a version or the beginning of one; see scripts/fetch-kernel --list'
	@echo '  CHIP=$(or $(CHIP),<chip>)    the card of `make run`, `make vm` and `make bench`; all: of each chip (run, bench)'
	@echo '  DESTDIR= prefix=  where `make install` puts things'
	@echo '  HALYARD_CACHE=  downloads and built kernels (~/.cache/halyard)'

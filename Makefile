# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: The sockiocp authors
#
# What can be made here; "make" alone lists it.  The work is done by lib/Makefile,
# selftests/Makefile and the scripts in selftests/vm/.

# make, kbuild and the shell take other names apart.
ifneq ($(shell pwd | tr -d 'A-Za-z0-9._/+@~\200-\377\n-'),)
$(error cannot build in "$(shell pwd)": move the tree to a path without spaces, of letters, digits and . _ - + @ ~ only)
endif

KDIR ?= /lib/modules/$(shell uname -r)/build
RELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h)
VM := selftests/vm

help: ## this list
	@echo 'Usage: make TARGET [KDIR=build tree] [KERNEL=release or directory]'
	@sed -n 's/^\([a-z_-]*\):.*## /\1 \t/p' Makefile | expand -t 17

demo: ## a web server on sockiocp, under load, in a virtual machine
	@$(VM)/demo

check: ## set up, build, lint, run all tests in a virtual machine
	@$(VM)/check

check-wine: ## what Wine says to the tests that are pure Win32 (fetches 165 MB)
	@$(VM)/check-wine

check-asio: ## do programs on asio and on Boost's run? (fetches 100 MB)
	@$(VM)/check-asio

bench: ## what it costs, beside epoll and io_uring, in virtual machines
	@$(VM)/bench

bench-check: ## does it cost more than it did? (selftests/bench/gates)
	@CHECK=yes $(VM)/bench

bench-plots: ## measure and draw the curves in Documentation/bench
	@$(VM)/bench-plots

check-kernels: ## run all tests on each kernel that is supported
	@$(VM)/check-kernels

check-debug: ## run all tests on kernels that look for mistakes (CPUS="1 2 4")
	@LEAKS=yes $(VM)/check-kernels kasan kcsan

check-packages: ## install make deb's packages on fresh Debian 12 and 13, and use them there
	@$(VM)/check-packages $(SUITES)

fuzz: ## try inputs on the library and on the module (SECONDS=900)
	@FUZZ_SECONDS=60 $(VM)/fuzz-library
	@FUZZ_SECONDS=$(or $(SECONDS),900) $(VM)/fuzz

coverage: ## how much of the module do the tests and the fuzzer's corpus reach?
	@$(VM)/coverage

setup: ## fetch what demo and check need (they do it themselves)
	@$(VM)/setup

lint: ## sparse, checkpatch, W=1 and other things said about the source
	@$(VM)/lint

mutation-check: ## break the module in many places; do the tests notice?
	@$(VM)/mutation-check

all: kmod lib tools selftests ## build everything

kmod: ## the module, for the kernel of KDIR (default: the running one)
	@$(VM)/build-module $(KDIR)

lib: ## the library, in build/lib
	@$(MAKE) --no-print-directory -C lib

tools: ## sockiocpctl, in build/tools
	@$(MAKE) --no-print-directory -C tools

selftests: ## the test programs, in build/selftests
	@$(MAKE) --no-print-directory -C selftests

install: ## the library, its headers, sockiocpctl and the manual (DESTDIR, prefix)
	@$(MAKE) --no-print-directory -C lib install
	@$(MAKE) --no-print-directory -C tools install

uninstall: ## remove what install has put there (with the same DESTDIR, prefix)
	@$(MAKE) --no-print-directory -C lib uninstall
	@$(MAKE) --no-print-directory -C tools uninstall

html: ## the documentation, in build/html
	@Documentation/make-html build/html

deb: ## Debian's packages, in build/deb (as root: installs what that needs)
	@$(VM)/deb

# Not kbuild's, which wants the key that the kernel's own modules were signed with.
modules_install: no_dkms kmod ## the module, to where modprobe finds it
	install -D -m 644 build/kmod-$(RELEASE)/sockiocp.ko \
		$(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/updates/sockiocp.ko
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(RELEASE)

# depmod would choose one of the two.
no_dkms:
	@! ls $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/updates/dkms/sockiocp.ko* 2> /dev/null || { \
		echo "error: that is there, and this one would be a second one"; \
		echo "To have this one: apt-get remove sockiocp-dkms"; \
		echo "If that has left it there, it is DKMS's copy of an older one: remove it"; \
		exit 1; } >&2

modules_uninstall: ## remove it from there
	rm -f $(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)/updates/sockiocp.ko
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(RELEASE)

insmod: kmod ## load the module into the running kernel
	insmod build/kmod-$(shell uname -r)/sockiocp.ko

rmmod: ## unload it
	rmmod sockiocp

clean: ## remove build/
	rm -rf build

.PHONY: help demo check check-wine check-asio check-kernels check-debug check-packages fuzz coverage bench bench-check bench-plots setup lint mutation-check all kmod lib tools selftests install uninstall html deb no_dkms modules_install modules_uninstall insmod rmmod clean

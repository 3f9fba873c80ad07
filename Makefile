# SPDX-License-Identifier: GPL-2.0-or-later
# mtuscope: `make` builds build/mtuscope, `make help` lists the rest.

VERSION := 0.1.0
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
PREFIX ?= /usr/local
BUILD ?= build$(if $(SAN),/san)
KERNELS ?= 6.1 6.12

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
INCLUDES := -Ibpf -Iuser -Iuser/core -Iuser/inventory -Iuser/kernel -Iuser/probe -Iuser/record -Iuser/sink -Iuser/metrics -Iuser/outlet -Iuser/daemon -isystem $(BUILD)/bpf
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(INCLUDES) -DVERSION='"$(VERSION)"' $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) -MMD -MP $(CFLAGS)
LDLIBS := -lbpf -lelf -lz -lmnl -levent_core -lcap-ng -linih -lm
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux -Ibpf -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror -MMD -MP

SOURCES := $(wildcard user/*.c user/*/*.c user/*/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/user/main.o,$(OBJECTS))
HOOKS := $(shell sed -n 's/^HOOK.\([a-z0-9_]*\),.*/\1/p' bpf/hooks.def)
HOOK_OBJECTS := $(HOOKS:%=$(BUILD)/bpf/%.elf.o)
UNIT_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
BPF_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c)))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
SCENARIOS := $(notdir $(basename $(wildcard tests/lab/scenarios/*.sh)))
VM_TESTS := $(foreach k,$(KERNELS),$(SCENARIOS:%=$(BUILD)/tests/vm/$k/%.t))

MAKEFLAGS += --no-print-directory
# V=1 shows the commands, and else each is a word and a file.
Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' '$1' '$2')

all: $(BUILD)/mtuscope ## build the program (the default)

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 25
	@echo '  variables: V=1  SAN=address,undefined  CC=clang  KERNELS="6.1 6.12"  DESTDIR=  PREFIX='

.PHONY: all help demo test check check-run test-run bpf-check bench soak recordings fuzz fmt lint install clean
.DELETE_ON_ERROR:
.SECONDARY:

## build

$(BUILD)/mtuscope: $(BUILD)/user/main.o $(BUILD)/libmtuscope.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libmtuscope.a: $(LIB_OBJECTS) $(HOOK_OBJECTS)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(filter $(BUILD)/user/kernel/%,$(OBJECTS)): $(BUILD)/bpf/tc.skel.h

$(BUILD)/user/main.o $(BUILD)/user/reporter.o $(BUILD)/user/cmd_hooks.o $(BUILD)/user/cmd_serve.o: Makefile

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/hooks/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# A hook is loaded from its bytes, all hooks alike: only the maps of the tc object need a typed skeleton.
$(BUILD)/bpf/%.elf.c: $(BUILD)/bpf/%.skel.h
	@printf '#include "%s"\nconst void *%s_elf(size_t *len);\nconst void *%s_elf(size_t *len) { return %s_bpf__elf_bytes(len); }\n' \
		$*.skel.h $* $* $* > $@

$(BUILD)/bpf/%.elf.o: $(BUILD)/bpf/%.elf.c
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

## test

demo: ## on a fresh machine: install, build, boot a VM, replay the incident, show the verdict and the cure
	@scripts/setup
	@$(MAKE) all $(BUILD)/tests/chain
	@scripts/demo

test: ## on a fresh machine: install, build, and run all tests, the lab's in virtual machines
	@echo 'Installing what is missing, building, then the tests: $(words $(UNIT_TESTS)) programs of unit tests, $(words $(BPF_TESTS)) of'
	@echo 'BPF tests on this kernel, and $(words $(SCENARIOS)) lab scenarios, each in virtual machines with Linux $(KERNELS).'
	@scripts/setup
	@$(MAKE) test-run

check: ## build and run the unprivileged tests, in seconds
	@$(MAKE) check-run

check-run: all $(UNIT_TESTS)
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP prove --timer --exec '' $(UNIT_TESTS)

bpf-check: all $(BPF_TESTS) ## the BPF programs against built packets, on this kernel; needs root
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP prove --timer --exec '' $(BPF_TESTS)

verifier-record: $(BUILD)/tests/bpf/test_verifier ## note what the verifier counts in each program as the new normal; needs root
	$(Q)scripts/verifier-record $(KERNELS)

bench: all $(BENCHES) ## what a packet costs, on this kernel; needs root, takes minutes
	$(Q)for b in $(BENCHES); do $$b || exit 1; done

test-run: all $(UNIT_TESTS) $(BPF_TESTS) $(VM_TESTS) $(BUILD)/tests/traffic $(BUILD)/tests/chain
	$(Q)scripts/prove $(UNIT_TESTS) $(BPF_TESTS) $(VM_TESTS)

$(BUILD)/tests/unit/%: tests/unit/%.c $(UNIT_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka -ljansson

SEEDS ?= 200
soak: $(BUILD)/tests/soak ## SEEDS=n seeded stories of holes and look-alikes, packet by packet; fails on any false alarm or miss
	$(Q)$< $(SEEDS)

$(BUILD)/tests/soak: tests/soak/soak.c $(UNIT_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka

recordings: $(BUILD)/tests/record ## make tests/recordings anew, after a change of what a snapshot holds
	$(Q)$< tests/recordings

$(BUILD)/tests/record: tests/recordings/record.c $(UNIT_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka

$(BPF_HELPERS): $(BUILD)/bpf/tc.skel.h

$(BUILD)/tests/bpf/%: tests/bpf/%.c $(BPF_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka

$(BUILD)/tests/bench/%: tests/bench/%.c $(BPF_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka

$(BUILD)/tests/traffic: tests/lab/traffic.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $<

$(BUILD)/tests/chain: tests/lab/make-chain
	$(call say,CERTS,$@)
	$(Q)tests/lab/make-chain $@

$(BUILD)/tests/vm/%.t: Makefile
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec scripts/vm --timeout 900 --kernel %s -- tests/lab/scenarios/%s.sh\n' $(*D) $(*F) > $@
	@chmod +x $@

FUZZ_SECONDS ?= 60
fuzz: $(FUZZERS) ## run each fuzzer for FUZZ_SECONDS
	$(Q)for f in $(FUZZERS); do $$f -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 || exit 1; done

$(BUILD)/fuzz/%: tests/fuzz/%.c $(SOURCES)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined $(INCLUDES) -o $@ $< \
		$(wildcard user/core/*.c user/core/*/*.c user/sink/*.c user/inventory/*.c user/probe/*.c user/metrics/metrics.c user/record/*.c) -lmnl -lm -lz -ljansson

fmt: ## format the C files
	$(Q)clang-format -i $(shell git ls-files '*.c' '*.h' ':!vmlinux')

lint: ## shellcheck, cppcheck, the include rules
	@scripts/lint

compile_commands.json: export COMMAND = $(CC) $(ALL_CFLAGS) -c
compile_commands.json: Makefile $(SOURCES) ## for clangd and its like
	$(Q)printf '%s\n' $(SOURCES) | jq -nR '[inputs | {directory: env.PWD, file: ., command: (env.COMMAND + " " + .)}]' > $@

## install

install: all ## install the program under DESTDIR and PREFIX
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/sbin/mtuscope)
	$(Q)install -D -m 755 $(BUILD)/mtuscope $(DESTDIR)$(PREFIX)/sbin/mtuscope
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/man/man8
	$(Q)scripts/manpage $(BUILD)/mtuscope > $(DESTDIR)$(PREFIX)/share/man/man8/mtuscope.8
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/systemd/catalog
	$(Q)sed 's|@SBINDIR@|$(PREFIX)/sbin|' scripts/systemd/mtuscope.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/mtuscope.service
	$(Q)install -m 644 scripts/systemd/mtuscope.catalog $(DESTDIR)$(PREFIX)/lib/systemd/catalog

clean: ## remove what was built
	$(Q)rm -rf build

-include $(OBJECTS:.o=.d) $(wildcard $(BUILD)/bpf/*.d) $(wildcard $(BUILD)/tests/*/*.d)

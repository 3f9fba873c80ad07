# SPDX-License-Identifier: GPL-2.0-or-later
# mtuscope: `make` builds build/mtuscope, `make help` lists the rest.

VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog)
# make has a CC of its own, which ?= would not replace.
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
BPFTOOL ?= bpftool
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
BUILD ?= build$(if $(SAN),/san)
KERNELS ?= 6.1 6.12

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror
INCLUDES := -Ibpf -Iuser -Iuser/core -Iuser/inventory -Iuser/kernel -Iuser/probe -Iuser/record -Iuser/sink -Iuser/metrics -Iuser/outlet -Iuser/daemon -isystem $(BUILD)/bpf
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(INCLUDES) -DVERSION='"$(VERSION)"' $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) -MMD -MP $(CFLAGS)
LDLIBS := -lbpf -lelf -lz -lmnl -levent_core -lcap-ng -linih -lncursesw -ltinfo -lm
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
BPF_CFLAGS := -O2 -g -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Ivmlinux -Ibpf -Wall -Wextra -Wshadow -Wno-unused-parameter -Werror -MMD -MP

SOURCES := $(wildcard user/*.c user/*/*.c user/*/*/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/user/main.o,$(OBJECTS))
HOOKS := $(shell sed -n 's/^HOOK.\([a-z0-9_]*\),.*/\1/p' bpf/hooks.def)
HOOK_OBJECTS := $(HOOKS:%=$(BUILD)/bpf/%.elf.o) $(BUILD)/bpf/all_hooks.elf.o
UNIT_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
BPF_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c)))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
SCENARIOS := $(notdir $(basename $(wildcard tests/lab/scenarios/*.sh)))
LAB_TOOLS := $(addprefix $(BUILD)/tests/,chain in-ns traffic)
PACKAGE_TESTS := $(wildcard tests/package/*.sh)
RECEIVER_TESTS := $(filter-out %/lib.sh,$(wildcard tests/receivers/*.sh))
# What is not about the kernel runs on the last of KERNELS alone.
ONCE := systemd alerts serve-soak mail fix
# The longest first: started last, one of them would run on alone.
LONGEST := holes lookalikes probe systemd mail fix classes check attribution
# scenarios KERNEL: those to run with it, by name.
scenarios = $(filter-out $(if $(filter $1,$(lastword $(KERNELS))),,$(ONCE)),$(SCENARIOS))
VM_TESTS := $(foreach s,$(LONGEST) $(filter-out $(LONGEST),$(SCENARIOS)),$(foreach k,$(KERNELS),$(patsubst %,$(BUILD)/tests/vm/$k/%.t,$(filter $s,$(call scenarios,$k)))))

DEB := $(BUILD)/deb/mtuscope_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb

MAKEFLAGS += --no-print-directory
# V=1 shows the commands, and else each is a word and a file.
Q := $(if $(filter-out 0,$(V)),,@)
say = $(if $(Q),@printf '  %-7s %s\n' '$1' '$2')

all: $(BUILD)/mtuscope ## build the program (the default)

help: ## this list
	@sed -n 's/^\([a-z_.-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 25
	@echo '  variables: V=1  SAN=address,undefined  CC=clang  KERNELS="6.1 6.12"  DESTDIR=  PREFIX='

.PHONY: all help demo test check check-run test-run bpf-check receivers bench soak lab-soak serve-soak recordings fuzz fmt lint install deb clean
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

$(BUILD)/user/options.o $(BUILD)/user/reporter.o $(BUILD)/user/cmd_serve.o: Makefile packaging/debian/changelog

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DOBJECT=$* -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/hooks/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DOBJECT=$* -c -o $@ $<

$(BUILD)/bpf/all_hooks.bpf.o: $(HOOKS:%=$(BUILD)/bpf/%.bpf.o)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

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
	@$(MAKE) all $(LAB_TOOLS)
	@scripts/demo

test: ## on a fresh machine: install, build, and run all tests, the lab's in virtual machines
	@echo 'Installing what is missing, building, then the tests: $(words $(UNIT_TESTS)) programs of unit tests, $(words $(BPF_TESTS)) of'
	@echo 'BPF tests on this kernel, and $(words $(SCENARIOS)) lab scenarios, each in virtual machines with Linux $(KERNELS).'
	@scripts/setup
	@$(MAKE) test-run

check: ## build and run the unprivileged tests, within a minute
	@$(MAKE) check-run

check-run: all $(UNIT_TESTS)
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP prove --timer --exec '' $(UNIT_TESTS) tests/package/completion.sh

bpf-check: all $(BPF_TESTS) ## the BPF programs against built packets, on this kernel; needs root
	$(Q)CMOCKA_MESSAGE_OUTPUT=TAP prove --timer --exec '' $(BPF_TESTS)

receivers: all $(BUILD)/tests/emit ## syslog servers, started here on the loopback, read what serve writes
	$(Q)prove --timer $(RECEIVER_TESTS)

verifier-record: $(BUILD)/tests/bpf/test_verifier ## note what the verifier counts in each program as the new normal; needs root
	$(Q)scripts/verifier-record $(KERNELS)

bench: all $(BENCHES) ## what a packet costs, on this kernel; needs root, takes minutes
	$(Q)for b in $(BENCHES); do $$b || exit 1; done

test-run: all $(UNIT_TESTS) $(BPF_TESTS) $(VM_TESTS) $(LAB_TOOLS) $(BUILD)/tests/emit $(DEB)
	$(Q)scripts/prove $(VM_TESTS) $(UNIT_TESTS) $(BPF_TESTS) $(RECEIVER_TESTS) $(PACKAGE_TESTS)

$(BUILD)/tests/unit/%: tests/unit/%.c $(UNIT_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka -ljansson

SEEDS ?= 200
soak: $(BUILD)/tests/soak ## SEEDS=n seeded stories of holes and look-alikes, packet by packet; fails on any false alarm or miss
	$(Q)$< $(SEEDS)

FIRST ?= 1
lab-soak: all $(LAB_TOOLS) ## SEEDS=n seeded variations of the lab, from FIRST on, in a virtual machine with each of KERNELS, 20 s each
	$(Q)for k in $(KERNELS); do \
		mkdir -p $(BUILD)/lab-soak/$$k && scripts/vm --kernel $$k --timeout $$(($(SEEDS) * 60 + 300)) --out $(BUILD)/lab-soak/$$k \
			-- tests/lab/scenarios/variations.sh $(SEEDS) $(FIRST) || exit 1; \
	done

SOAK_SECONDS ?= 900
serve-soak: all $(LAB_TOOLS) ## SOAK_SECONDS=n of what a day brings serve, in a virtual machine; fails if it grows or loses anything
	$(Q)scripts/vm --timeout $$(($(SOAK_SECONDS) + 300)) -- tests/lab/scenarios/serve-soak.sh $(SOAK_SECONDS)

$(BUILD)/tests/soak: tests/soak/soak.c $(UNIT_HELPERS) $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS) -lcmocka

recordings: all $(BUILD)/tests/record $(LAB_TOOLS) ## make tests/recordings anew, after a change of what a snapshot holds; boots a VM
	$(Q)$(BUILD)/tests/record tests/recordings
	$(Q)rm -rf $(BUILD)/recordings
	$(Q)scripts/vm --timeout 900 --out $(BUILD)/recordings -- tests/lab/scenarios/incident-gateway.sh
	$(Q)for end in gateway relay; do \
		install -m 644 $(BUILD)/recordings/incident-gateway/$$end.rec tests/recordings/incident-$$end.rec || exit 1; done

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

$(BUILD)/tests/emit: tests/receivers/emit.c $(BUILD)/libmtuscope.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LDLIBS)

$(BUILD)/tests/traffic: tests/lab/traffic.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $<

$(BUILD)/tests/in-ns: tests/lab/in-ns.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(CFLAGS) -static -o $@ $<

$(BUILD)/tests/chain: tests/lab/make-chain
	$(call say,CERTS,$@)
	$(Q)tests/lab/make-chain $@

$(BUILD)/tests/vm/%.t: Makefile
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec scripts/vm --timeout 1150 --kernel %s -- tests/lab/scenarios/%s.sh\n' $(*D) $(*F) > $@
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
	$(Q)install -d $(DESTDIR)$(UNITDIR)
	$(Q)sed 's|@SBINDIR@|$(PREFIX)/sbin|' packaging/systemd/mtuscope.service > $(DESTDIR)$(UNITDIR)/mtuscope.service
	$(Q)install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/catalog packaging/systemd/mtuscope.catalog
	$(Q)install -D -m 644 packaging/systemd/mtuscope.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/mtuscope.conf
	$(Q)test -e $(DESTDIR)/etc/mtuscope.conf || install -D -m 644 -t $(DESTDIR)/etc packaging/systemd/mtuscope.conf
	$(Q)test -e $(DESTDIR)/etc/logrotate.d/mtuscope || install -D -m 644 packaging/systemd/mtuscope.logrotate $(DESTDIR)/etc/logrotate.d/mtuscope
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(ZSHDIR)
	$(Q)scripts/completion bash $(BUILD)/mtuscope > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/mtuscope
	$(Q)scripts/completion zsh $(BUILD)/mtuscope > $(DESTDIR)$(ZSHDIR)/_mtuscope
	$(Q)for f in $(wildcard contrib/*/*); do install -D -m 644 $$f $(DESTDIR)$(PREFIX)/share/doc/mtuscope/examples/$${f#contrib/} || exit 1; done

deb: $(DEB) ## the Debian package, in build/deb

$(DEB): $(BUILD)/mtuscope $(shell find packaging scripts contrib)
	$(call say,DEB,$@)
	$(Q)scripts/deb $(@D)

clean: ## remove what was built
	$(Q)rm -rf build

-include $(OBJECTS:.o=.d) $(wildcard $(BUILD)/bpf/*.d) $(wildcard $(BUILD)/tests/*/*.d)

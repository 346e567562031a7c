# The two commands of the README, and what is around them. `make help` lists them.
CARGO ?= cargo
PREFIX ?= /usr/local
# release, or dev for what a plain `cargo build` makes.
PROFILE ?= release
# A target triple for `install` and `dist`, such as x86_64-unknown-linux-musl; empty for this machine's own.
TARGET ?=
# Where cargo builds.
BUILD ?= $(or $(CARGO_TARGET_DIR),target)
STRIP ?= strip

PROGRAMS = ace ace-session ace-model ace-quota ace-permit ace-tool ace-fetch ace-redact ace-log ace-many ace-replay ace-worktree
# Those that the demo goes without: heavier to build.
DOORS = ace-serve
export ACE_COMMIT ?= $(shell git rev-parse --short HEAD 2>/dev/null)
PAGES = $(notdir $(wildcard man/*.[1-8]))
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
BUILT = $(BUILD)$(TARGET:%=/%)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

.PHONY: help demo ui build test bench fuzz install install-files dist deb fmt lint clean

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

## make demo     a whole session on a small real repository, with a recorded model, in a minute
demo:
	@$(CARGO) build --quiet --locked --no-default-features $(PROGRAMS:%=--bin %)
	@$(BUILD)/debug/ace demo

## make ui       the browser's part of ace-serve, with Node; what is built next takes it in
UI = bins/ace-serve/ui
ui:
	cd $(UI) && npm ci --no-audit --no-fund && npm run --silent build

## make test     every check there is
test:
	@tests/needs
	# A make that a test starts must not take itself for a part of this one.
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(CARGO) test --workspace --locked

## make bench    the figures of this machine, beside bare loops in the same run
bench:
	$(CARGO) bench --locked --bench marks

## make fuzz     each parser against bytes of no sense, MINUTES (1) a target; FUZZ="sse shell" for some
FUZZ ?= sse line shell patch rules redact
MINUTES ?= 1
COVERED = -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
fuzz:
	# With a target named, what runs while building is not measured.
	cd fuzz && RUSTFLAGS="$(COVERED)" $(CARGO) build --release --locked --target $(HOST) --target-dir target
	mkdir -p fuzz/artifacts $(FUZZ:%=fuzz/corpus/%)
	for name in $(FUZZ); do \
	  seeds=; case $$name in sse) seeds=$$(echo fixtures/providers/*);; esac; \
	  fuzz/target/$(HOST)/release/$$name -max_total_time=$$(($(MINUTES) * 60)) -timeout=10 -rss_limit_mb=1024 -verbosity=0 \
	    -print_final_stats=1 -artifact_prefix=fuzz/artifacts/$$name- fuzz/corpus/$$name $$seeds || exit 1; \
	done

## make lint     format and lints, warnings as errors
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

## make install  programs, man pages and completions into PREFIX (default /usr/local), below DESTDIR
install: build-programs install-files

.PHONY: build-programs
build-programs:
	$(CARGO) build --profile $(PROFILE) --locked $(TARGET:%=--target %) $(PROGRAMS:%=--bin %) $(DOORS:%=--bin %)

install-files:
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS:%=$(BUILT)/%) $(DOORS:%=$(BUILT)/%) $(DESTDIR)$(PREFIX)/bin
	for page in $(PAGES); do \
	  folder=$(DESTDIR)$(PREFIX)/share/man/man$${page##*.} && install -d $$folder && install -m 644 man/$$page $$folder || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 completions/bash/* $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 completions/zsh/_* $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 completions/fish/* $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

## make dist     a tarball and, where dpkg-deb is there, a .deb: static if the musl target is installed
MUSL = $(shell uname -m)-unknown-linux-musl
DIST = $(BUILD)/dist
NAME = ace-$(VERSION)-$(if $(TARGET),$(TARGET),$(shell uname -s | tr A-Z a-z)-$(shell uname -m))

ifeq ($(TARGET),)
dist:
	@if [ -d "$$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$(MUSL)/lib" ]; then \
	  $(MAKE) TARGET=$(MUSL) dist; \
	else \
	  echo "make: the target $(MUSL) is not installed: these programs need this system's C library" >&2; \
	  $(MAKE) dist-files; \
	fi
else
dist: dist-files
endif

.PHONY: dist-files
dist-files: build-programs
	rm -rf $(DIST)/$(NAME) $(DIST)/deb
	$(MAKE) install-files DESTDIR=$(abspath $(DIST))/$(NAME) PREFIX=
	for program in $(PROGRAMS) $(DOORS); do $(STRIP) $(DIST)/$(NAME)/bin/$$program || exit 1; done
	cp README.md CHANGELOG.md LICENSE $(DIST)/$(NAME)
	tar -C $(DIST) -czf $(DIST)/$(NAME).tar.gz $(NAME)
	@echo $(DIST)/$(NAME).tar.gz
	@if command -v dpkg-deb >/dev/null 2>&1; then $(MAKE) deb; fi

deb:
	rm -rf $(DIST)/deb
	install -d $(DIST)/deb/DEBIAN $(DIST)/deb/usr/share/doc/ace
	cp -R $(DIST)/$(NAME)/bin $(DIST)/$(NAME)/share $(DIST)/deb/usr
	cp README.md CHANGELOG.md $(DIST)/deb/usr/share/doc/ace
	cp LICENSE $(DIST)/deb/usr/share/doc/ace/copyright
	printf '%s\n' 'Package: ace' 'Version: $(VERSION)' "Architecture: $$(dpkg --print-architecture)" \
	  'Maintainer: the ace authors <ace@localhost>' 'Recommends: git' 'Section: devel' 'Priority: optional' \
	  'Description: coding models at work in your repository' \
	  ' A log and a worktree a session; every program is a filter on that log.' > $(DIST)/deb/DEBIAN/control
	dpkg-deb -Zgzip --root-owner-group --build $(DIST)/deb $(DIST)/$(NAME).deb

build:
	$(CARGO) build --locked

fmt:
	$(CARGO) fmt --all

clean:
	$(CARGO) clean

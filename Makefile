# The two commands of the README, and what is around them. `make help` lists them.
CARGO ?= cargo
PREFIX ?= /usr/local
PROGRAMS = ace ace-session ace-model ace-permit ace-tool ace-log ace-worktree

.PHONY: help demo build test bench install fmt lint clean

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo     a whole session on a small real repository, with a recorded model, in a minute
demo:
	@$(CARGO) build --quiet --locked $(PROGRAMS:%=--bin %)
	@target/debug/ace demo

## make test     every check there is
test:
	@tests/needs
	$(CARGO) test --workspace --locked

## make bench    the figures of this machine, beside bare loops in the same run
bench:
	$(CARGO) bench --locked --bench marks

## make lint     format and lints, warnings as errors
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

## make install  release build into PREFIX/bin (default /usr/local)
install:
	$(CARGO) build --release --locked $(PROGRAMS:%=--bin %)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(PROGRAMS:%=target/release/%) $(DESTDIR)$(PREFIX)/bin

build:
	$(CARGO) build --locked

fmt:
	$(CARGO) fmt --all

clean:
	$(CARGO) clean

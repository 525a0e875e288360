# Postern. `make help` lists what there is.

# The one place that pins Deno; bin/postern and .ci/run read it, too.
DENO_VERSION = 2.9.6

PREFIX = /usr/local
SYSCONFDIR = /etc
UNITDIR = /etc/systemd/system
DESTDIR =

POSTERN = bin/postern
LIBRARY = $(PREFIX)/lib/postern

.DEFAULT_GOAL := help

run: ## start the gateway in the foreground with the documents of examples/
	@$(POSTERN) daemon --welcome --config examples/postern.config.ts

deno: ## say which Deno is used, getting it if there is none
	@$(POSTERN) --deno --version

check: ## formatting, lint, types, documentation of the library
	@$(POSTERN) --deno fmt --check
	@$(POSTERN) --deno lint --quiet
	@$(POSTERN) --deno check --quiet .
	@commands/tools/doc_lint.sh

test: ## check, then all tests; what needs a program that is not installed is skipped and listed
	@status=0; $(MAKE) --no-print-directory check || status=1; commands/tools/test.sh || status=1; exit $$status

bench: ## measure: deno bench, then whole messages against peers where they are installed
	@$(POSTERN) --deno bench -A --no-check
	@if [ -x bench/smtp.sh ]; then bench/smtp.sh; fi
	@bench/bombs.sh
	@if command -v clamav-milter >/dev/null && command -v amavisd >/dev/null; then bench/gates.sh; else echo "clamav-milter and amavisd are not installed: gates are not measured beside them"; fi
	@if command -v clamd >/dev/null; then bench/signatures.sh; else echo "clamd is not installed: signatures are not measured"; fi

compile: ## make the single binary dist/postern
	@$(POSTERN) --deno run -A --no-check commands/tools/compile.ts

install: ## install the program, the example documents and a systemd unit (PREFIX, SYSCONFDIR, UNITDIR, DESTDIR)
	@commands/tools/install.sh "$(DESTDIR)" "$(LIBRARY)" "$(PREFIX)/bin" "$(SYSCONFDIR)/postern" "$(UNITDIR)"

clean: ## remove what was made here, Deno and its cache too; state/ stays
	rm -rf dist .deno

help: ## list these
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-11s %s\n", $$1, $$2 }'
	@echo "DENO_VERSION = $(DENO_VERSION), got from npm where no Deno of 2.4 or later is on PATH"

.PHONY: run deno check test bench compile install clean help

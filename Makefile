# Every module of the repository: the root and those nested in it.
MODULES := $(patsubst %/go.mod,%,$(shell find . -name go.mod -not -path '*/testdata/*' -not -path './.git/*' | sort))

GO        ?= go
FUZZTIME  ?= 30s
BENCHFLAGS ?=

# each runs a command in every module and stops at the first that fails.
each = @set -e; for m in $(MODULES); do echo "== $$m: $(1)"; (cd $$m && $(1)); done

.PHONY: test test-long vet fmt-check lint bench fuzz

## test: formatting, vet and every test with the race detector
test: fmt-check vet
	$(call each,$(GO) test -race -timeout 15m ./...)

## test-long: the same tests with full rounds instead of small ones
test-long: fmt-check vet
	$(call each,SLUICE_LONG=1 $(GO) test -race -timeout 2h ./...)

vet:
	$(call each,$(GO) vet ./...)

fmt-check:
	@out=$$(find . -name '*.go' -not -path './.git/*' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$out" ]; then echo "error: gofmt would change:"; echo "$$out"; exit 1; fi

## lint: formatting and vet, and staticcheck where it is installed
lint: fmt-check vet
	@if command -v staticcheck >/dev/null; then \
		set -e; for m in $(MODULES); do (cd $$m && staticcheck ./...); done; \
	else echo "staticcheck is not installed: left out"; fi

## bench: one table of ratios to peers, some minutes; BENCHFLAGS=-full for published figures
bench:
	cd benchmarks && $(GO) run . $(BENCHFLAGS)

## fuzz: every fuzz target for FUZZTIME
fuzz:
	@set -e; for m in $(MODULES); do (cd $$m && for p in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "== $$p: $$f"; \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; \
		done; done); done

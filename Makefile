# What a developer runs. `make` alone lists it.

GO    ?= go
NPM   ?= npm
FUZZ  ?= 5s
SOAK  ?= 10m
LONG  = RandomFaults|HostileClients
CROSS ?= linux/arm64 darwin/arm64 darwin/amd64 windows/amd64

.PHONY: help run setup node test test-quick test-go test-ts test-long test-mesh test-acme test-proxies test-coturn test-packaging test-cross test-fuzz test-browser test-nat check-generated generate bench lint soak

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

run: ## run a hub with its page on this machine
	$(GO) run ./cmd/snug serve

setup: ## install what the tests need: browsers and npm packages
	@scripts/setup.sh

test: setup test-quick check-generated test-long test-mesh test-acme test-proxies test-coturn test-packaging test-cross test-fuzz test-browser test-nat ## run every test; installs what it needs
	@echo "All tests passed."

test-quick: node test-go test-ts ## run the tests that need neither root nor a browser

node: node_modules/.installed

node_modules/.installed: package.json package-lock.json
	@scripts/node.sh
	$(NPM) ci --ignore-scripts --no-audit --no-fund
	@touch $@

test-go:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "These files aren't formatted: run gofmt -w on them."; exit 1; }
	$(GO) vet ./...
	$(GO) test -race -timeout 10m -skip '$(LONG)' $$($(GO) list ./... | grep -v -e /internal/bench -e /signaling/conformance)

test-long: ## run what takes longer: random faults, hostile clients, the protocol rule by rule, thousands of sessions
	$(GO) test -race -timeout 10m -run '$(LONG)' ./signaling
	$(GO) test -race -timeout 10m ./signaling/conformance ./internal/bench
	$(GO) test -run 'SessionsComeBack|MemoryDoesNotGrow' -timeout 10m ./signaling # 5,000 and 50,000 are too many for -race

test-ts: node
	$(NPM) test --silent

test-mesh: ## sixteen Go peers join at the same instant, many times over
	$(GO) test -race -tags mesh -run Mesh -timeout 10m ./peer

test-acme: ## get and renew certificates from an ACME server that runs here
	$(GO) test -race -tags acme -run 'Certificate|Close' ./internal/certs ./cmd/snug

test-proxies: ## nginx and Caddy before a hub, with the recipes in packaging
	$(GO) test -race -count=1 -tags proxies -parallel 32 -timeout 4m ./test/proxies

test-coturn: ## coturn takes the credentials that the hub makes for it
	$(GO) test -race -count=1 -tags coturn -run Coturn -timeout 4m ./internal/turn

test-packaging: ## build and start what the Dockerfile and the systemd unit say
	$(GO) test -count=1 -tags packaging -timeout 15m ./test/packaging

test-cross: ## build for other systems, without cgo
	@for target in $(CROSS); do \
		echo "build for $$target"; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) vet ./... || exit 1; \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} $(GO) build -o /dev/null ./cmd/snug || exit 1; \
	done

test-fuzz: ## fuzz every decoder for FUZZ=5s
	@scripts/fuzz.sh $(FUZZ)

test-browser: ## run the page, the SDK and Go peers against each other in Chromium and Firefox
	$(NPM) run --silent test:browser

test-nat: node ## behind real NATs and firewalls, in network namespaces: needs root
	$(NPM) run --silent test:nat

check-generated: node
	$(GO) run ./web/build --check

generate: node ## build web/dist from its TypeScript
	$(GO) run ./web/build

bench: node ## measure what the README claims
	$(GO) run ./cmd/snug bench hub --peerjs
	$(GO) run ./cmd/snug bench link
	$(GO) run ./cmd/snug bench mesh
	node bench/links.js

lint: node ## look for mistakes that compile
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))"
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	$(NPM) run --silent types

soak: setup ## fuzz for a minute each, random faults for SOAK=10m, a million joins, repeat the races and the browser tests, all of the NAT lab
	@scripts/fuzz.sh 1m
	$(GO) test -race -run 'Soak|Model' -timeout 6h ./signaling -soak $(SOAK)
	$(GO) test -race -count=3 -timeout 60m ./signaling ./peer/...
	$(GO) test -race -run Promise -timeout 2h ./peer -soak 200
	$(GO) test -run MemoryDoesNotGrow -v -timeout 60m ./signaling -soak $(SOAK)
	$(GO) test -race -tags mesh -run Mesh -count=2 -timeout 60m ./peer
	for i in 1 2; do $(NPM) run --silent test:browser || exit 1; done
	NAT_LAB=full $(NPM) run --silent test:nat

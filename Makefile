# Every target installs or builds what it needs. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
WEB_SOURCES := $(shell find web/src web/scripts schema docs -type f \( -not -path 'docs/*' -o -name '*.md' \) 2>/dev/null) web/package.json web/package-lock.json web/vite.config.mjs web/tsconfig.json

SIZES ?= 10000,100000,1000000
ONLY ?= sqlite,neo4j,peer,bare,raw,mlflow-1,mlflow,mlflow-door,kubeflow-door
PARTS ?= lineage,cold,shapes,writes,events,memory,registry,growth
ROUNDS ?= 3
MODELS ?= 1000
SIBLINGS ?= 100,1000,10000,100000

.PHONY: help run build web check test proof bench generate fmt lint vuln clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

run: build ## build, and serve on 127.0.0.1:8080 with the demo graph (data in ./data)
	./bin/pedigree serve --listen 127.0.0.1:8080 --data data --demo

build: web ## build bin/pedigree with its pages
	go build -o bin/pedigree ./cmd/pedigree

web: web/dist/.built ## build the pages; without npm this is skipped

web/dist/.built: $(WEB_SOURCES)
	@if command -v npm >/dev/null; then cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build && touch dist/.built; \
	else echo "npm is missing: the pages are left out (install Node 20, then run make web)"; fi

check: ## the checks of every commit, in a few minutes: no Neo4j, no browser
	./scripts/check.sh

test: ## run all tests, with a real Neo4j and a real Chromium; installs what is missing
	./scripts/test.sh

proof: ## run the same tests with full repetitions and write docs/proof.md
	./scripts/proof.sh

bench: ## run the benchmark; SIZES=10000,100000 ONLY=sqlite,bare PARTS=lineage ROUNDS=1 measure less
	@mkdir -p build/bench
	go build -o build/bench/pedigree ./cmd/pedigree
	go build -o build/bench/bench ./internal/bench/cmd
	./build/bench/bench -sizes $(SIZES) -only $(ONLY) -parts $(PARTS) -rounds $(ROUNDS) -models $(MODELS) -growth $(SIBLINGS)

generate: ## regenerate the GraphQL executor from schema/
	go tool gqlgen generate

fmt: ## format the Go code
	gofmt -w $$(git ls-files '*.go' | grep -v '^resolvers/internal/gql/')

lint: ## gofmt, vet and staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "run make fmt:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go run $(STATICCHECK) $$(go list ./... | grep -v /internal/gql)

vuln: ## look for known vulnerabilities; VULNDB=file:///path uses a copy of the database
	go run $(GOVULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...

clean: ## remove what was built
	rm -rf bin build web/dist/* web/node_modules bench/peer/node_modules

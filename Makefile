# Everything a newcomer or CI calls. Each target installs what it needs on Debian.

CARGO ?= cargo
ROOT := $(CURDIR)
IMAGE_PREFIX ?= perouter
IMAGE_TAG ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

.PHONY: help lab test test-images images lab-images test-newcomer fuzz bench build check deny fmt root deps browser

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | column -t -s '|'

lab: build root ## A real EVPN fabric: up, verified, pinged, down
	@target/release/perouter lab test containerlab/evpn-l3.clab.yml

test: deps browser ## Everything that CI checks: format, lints, dependencies, all tests
	@scripts/test

images: ## The images of deploy/, by docker: IMAGE_PREFIX (default perouter), IMAGE_TAG (default 0.1.0)
	docker build --file deploy/images/perouter.Dockerfile --tag $(IMAGE_PREFIX)/perouter:$(IMAGE_TAG) .
	docker build --file deploy/images/frr.Dockerfile --tag $(IMAGE_PREFIX)/frr:$(IMAGE_TAG) .

lab-images: images ## The images by which containerlab itself runs the topologies of containerlab/
	docker build --file containerlab/images/lab-frr/Dockerfile --tag perouter/lab-frr:latest \
		--build-arg FRR=$(IMAGE_PREFIX)/frr:$(IMAGE_TAG) .
	docker build --file containerlab/images/lab-node/Dockerfile --tag perouter/lab-node:latest \
		--build-arg PEROUTER=$(IMAGE_PREFIX)/perouter:$(IMAGE_TAG) .

test-images: build ## Builds the images without a registry, and runs them as a pod does beside a switch
	@scripts/test-images

fuzz: deps ## Every parser against made-up input, FUZZ_SECONDS each (default 60)
	@scripts/fuzz $(FUZZ_SECONDS)

bench: build root ## Measures against the rivals, prints a table, writes target/bench/results.json
	@scripts/bench

build: deps ## The optimised binary
	@scripts/say "building perouter" $(CARGO) build --release --locked --quiet

root: build ## The root file system that labs and tests share
	@target/release/perouter lab root

deps: ## What Debian must have
	@scripts/deps

browser: ## What tests look at the status page with
	@scripts/deps chromium

check: ## Format and lints alone
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

deny: ## Licences, sources and advisories of dependencies
	@scripts/deny

fmt: ## Formats the source
	$(CARGO) fmt --all

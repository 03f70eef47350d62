# The commands of everyday. The work is in scripts/ and in the server itself.
.DEFAULT_GOAL := help
.PHONY: help run test test-data test-long test-autobahn loadtest fmt lint console clean

help: ## Say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{ printf "%-18s %s\n", $$1, $$2 }'

run: ## Set up, build and start the demonstration
	@scripts/run

test: ## Set up and run all tests, also in a browser
	@scripts/test

test-data: ## Run the tests that read recorded data of other systems
	@scripts/test-data

test-long: ## Run the slow tests too
	@scripts/test long

loadtest: ## Measure the server beside its peers; B="B1 B3" for some of it
	@loadtests/run $(B)

test-autobahn: ## Let the Autobahn suite judge the WebSocket (needs Python 2.7)
	@scripts/test-autobahn

fmt: ## Format the code
	@cargo fmt --all

lint: ## Check format, warnings and scripts
	@scripts/lint

console: ## Build the browser apps
	@scripts/build-console

clean: ## Remove everything that was built
	@cargo clean && rm -rf static/dist static/node_modules

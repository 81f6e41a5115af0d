# Everything a developer or CI calls. Each target does its own set-up.
SHELL := /bin/sh
NODE := node_modules/.bin/node
JEST := $(NODE) --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js
DEPS := node_modules/.installed
# What `ket` needs of the machine (docker, kind, helm, node image) comes as ordinary environment variables.
ENV = eval "$$($(NODE) testbed/main.ts env)"

.PHONY: demo test test-all lint build clean bench bench-suites bench-delivery bench-settings mutations testbed record

# Sets up all that is missing, then runs the integration tier of the example.
demo: $(DEPS)
	@$(NODE) testbed/main.ts up --for demo
	@$(ENV) && cd examples/fastapi-postgres && ../../bin/ket run --tier integration

# Unit tests, then the promises on real clusters of one and three nodes.
test: $(DEPS)
	@$(NODE) scripts/test-groups.ts test

# Everything; GROUP=x runs one group. A group whose inputs did not change since it was last green is not run again.
test-all: $(DEPS)
	@$(NODE) scripts/test-groups.ts all $(GROUP)

mutations: $(DEPS)
	@$(NODE) scripts/mutations.ts $(ONLY)

bench: $(DEPS)
	@$(NODE) testbed/main.ts up --for demo
	@$(ENV) && $(NODE) bench/main.ts && $(NODE) bench/main.ts --nodes 3 && $(NODE) bench/changed.ts
	@$(NODE) bench/without-cluster.ts

# How attempts end on real clusters, for __tests__/unit/recorded.test.ts. ONLY=regex: of these tests alone.
record: $(DEPS)
	@$(NODE) testbed/main.ts up --for test
	@$(ENV) && KET_SOURCE=1 KET_RECORD=$(CURDIR)/__tests__/recorded $(JEST) --selectProjects cluster --runInBand \
	  --testPathPatterns 'cluster/(verdicts|shared-cluster|own-cluster|options|faults-(shared|nodes))' $(if $(ONLY),-t '$(ONLY)')

# Suites on a cluster that stays: many at once, one long one, the way to the verdict.
bench-suites: $(DEPS)
	@$(NODE) testbed/main.ts up --for test
	@$(ENV) && $(NODE) bench/suites.ts

# A large image to the nodes of a cluster of three, in the ways that there are.
bench-delivery: $(DEPS)
	@$(NODE) testbed/main.ts up --for test
	@$(ENV) && $(NODE) bench/delivery.ts

# What each setting for clusters of one run gives by itself, in less than half an hour.
bench-settings: $(DEPS)
	@$(NODE) testbed/main.ts up --for test
	@$(ENV) && $(NODE) bench/settings.ts

lint: $(DEPS)
	@npm run --silent lint
	@$(NODE) scripts/lint-words.ts

build: $(DEPS)
	@$(NODE) scripts/build.ts

testbed: $(DEPS)
	@$(NODE) testbed/main.ts up --for all

clean:
	rm -rf node_modules/.build .cache coverage ket-results examples/*/ket-results

$(DEPS): package.json package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { echo "needs Node 20 or newer" >&2; exit 2; }
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

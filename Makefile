# Kohde: `make demo` shows it, `make test` tests it, `make help` lists the rest.

PORT ?= 8000
export PORT
# The newest Python that can run Kohde; empty when there is none.
FIND_PYTHON = for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done
PYTEST ?= --numprocesses logical --dist loadfile --no-loadscope-reorder
PYTHON ?= $(shell $(FIND_PYTHON))
IN := .venv/bin/python
MANAGE := $(IN) manage.py

.DEFAULT_GOAL := help
.PHONY: help demo serve test screenshots engines check bench chaos simulate clean set-up set-up-dev python

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

demo: set-up ## set up, fill with demo data once, serve on http://localhost:$PORT (8000) until Ctrl-C
	@$(MANAGE) serve --demo

serve: set-up ## serve what is there: web, worker and timetable, until Ctrl-C
	@$(MANAGE) serve

test: set-up-dev ## set up and run the tests on all cores; PYTEST="-k name" narrows them
	@$(IN) -m pytest $(PYTEST)

screenshots: set-up-dev ## take the pictures of README and guide anew, on the way through the guide
	@KOHDE_HOUSE_CUSTOMERS=5000 KOHDE_PICTURES=$(CURDIR)/docs/images $(IN) -m pytest tests/browser/test_pictures.py tests/browser/test_guide.py tests/browser/test_guide_selling.py

engines: python ## install Spark and chDB (1 GB, needs Java 17) and hold every rule to a plain reading of it there
	@$(PYTHON) config/set_up.py --dev --engines
	@KOHDE_TEST_ENGINES=1 $(IN) -m pytest tests/engines

check: set-up-dev ## style, types, floors, templates, migrations, deployment
	@$(IN) .ci/check

bench: set-up-dev ## measure; NAME=segments CUSTOMERS=10000 EVENTS=100000 narrow it
	@$(MANAGE) prepare
	@$(MANAGE) bench $(NAME) $(if $(CUSTOMERS),--customers $(CUSTOMERS)) $(if $(EVENTS),--events $(EVENTS))

simulate: set-up-dev ## measure the experiments' promises on planted truth; SIZE=small|full
	@$(IN) -m campaigns.experiments.simulation $(or $(SIZE),small)

chaos: set-up-dev ## kill workers, Redis, PostgreSQL and timetable in mid-send and audit every message; SIZE=small|full, DATABASE_URL for PostgreSQL
	@$(IN) -m chaos launches points kills cuts resends --size $(or $(SIZE),small)
	@$(IN) -m chaos services --size $(or $(SIZE),small)

clean: ## remove caches and what was built; keeps .venv and your data in var/
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache var/static
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

set-up: python
	@$(PYTHON) config/set_up.py

set-up-dev: python
	@$(PYTHON) config/set_up.py --dev

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. On Debian: apt install python3 python3-venv" >&2; exit 1; }

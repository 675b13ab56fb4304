# make report: train, compare, and write reports/default/report.html
# make test:   run the tests that take seconds (`make test-all`: all of them)
# make site:   build the documentation site, build/site/index.html
# All set up a .venv first, if there is none. Needs Python 3.11 or later, and make.

PYTHON ?= python3
SWEEP ?= default
JOBS ?= 2
BIN := .venv/bin
READY := .venv/ready
SITE_READY := .venv/ready-site
ECOSYSTEM_READY := .venv/ready-ecosystem

.PHONY: report test test-all test-fast test-python test-browser test-ecosystem test-gpu bench-gpu setup setup-all lint docs \
	site site-check lab wheel clean
.DELETE_ON_ERROR:

report: $(READY)
	$(BIN)/afnlab sweep $(SWEEP) --jobs $(JOBS)
	$(BIN)/afnlab report $(SWEEP)

# One test process more than two cores have, since many tests wait for processes of their own; a
# thread that waits for another must not keep a core busy. torch.compile believes the processor:
# else it tries each set of vector instructions, in every process, in one that imports torch.
WORKERS ?= 3
FRUGAL = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive TORCHINDUCTOR_VEC_ISA_OK=1
PYTEST = $(FRUGAL) $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

test: $(READY)
	$(PYTEST) -m "not slow and not gpu"
	$(BIN)/python -m pytest -q tests/browser -m "not slow"
	@$(BIN)/python -m pytest -q --collect-only -m slow 2>/dev/null | tail -n 1 \
		| sed 's|^\([0-9]*\).*|left out: \1 tests marked slow (make test-all runs them)|'

test-all: test-python test-browser

# The numbers, the statistics and the reading of what a user gives: none executes a notebook.
FAST := repository/test_layers repository/test_names repository/test_packaging \
	repository/test_pages test_errors training/test_options runs/sweeps/test_grid \
	runs/notebook_parameters/test_yaml_lines runs/sweeps/test_sweep_file_lines \
	activations/test_activations test_functional_values test_functional_half_types test_nn \
	test_separable test_restoring test_replacing autorot/test_planning stats/test_intervals \
	stats/test_paired stats/test_power stats/test_ranks

test-fast: $(READY)
	$(PYTEST) -m "not slow and not gpu" $(FAST:%=tests/%.py)

test-python: $(READY)
	$(PYTEST) -m "not gpu" --durations 12

# The pages of a report, and those of JupyterLab, which wait for kernels.
test-browser: $(READY)
	$(FRUGAL) $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/browser

# Models of timm and transformers, ONNX, quantization.
test-ecosystem: $(ECOSYSTEM_READY)
	AFNLAB_ECOSYSTEM=1 $(PYTEST) tests/integration/test_ecosystem.py

setup: $(READY)

# The pip that comes with Python 3.11 takes three times as long to find out what to install. The
# build environment is held to the constraints too (pip asks for them by one name before version
# 25.3, by the other since); it needs no torch.
EXTRAS = dev
HELD = PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
PIP = $(BIN)/python -m pip --disable-pip-version-check
INSTALL = $(HELD) $(PIP) install -q -e

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		f"afnlab needs Python 3.11 or later, {sys.executable} is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	test -x $(BIN)/python || { $(PYTHON) -m venv .venv && $(PIP) install -q --upgrade pip; }
	$(INSTALL) '.[$(EXTRAS)]'
	touch $(READY) $(ALSO_READY)

# What all targets need, by one call of pip where nothing is there yet. Later ones would take the
# package away for a moment, and what runs beside them would not find it.
setup-all:
	$(MAKE) $(READY) EXTRAS=dev,docs,ecosystem ALSO_READY='$(SITE_READY) $(ECOSYSTEM_READY)'
	$(MAKE) $(SITE_READY) $(ECOSYSTEM_READY)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb
	$(BIN)/python docs/generate.py --check

docs: $(READY)
	$(BIN)/python docs/generate.py

# A warning, and so a link that leads nowhere, ends the build. The gallery's notebooks are executed
# once, and again only when they change.
SPHINX = $(BIN)/sphinx-build -q -W --keep-going -c docs

site: $(SITE_READY)
	$(SPHINX) -d build/site-pages . build/site
	@echo build/site/index.html

# The same without executing notebooks; -E: pages that were read before would not warn again.
site-check: $(SITE_READY)
	$(SPHINX) -E -D nb_execution_mode=off -d build/site-check-pages . build/site-check

$(SITE_READY): $(READY)
	$(INSTALL) '.[docs]'
	touch $(SITE_READY)

$(ECOSYSTEM_READY): $(READY)
	$(INSTALL) '.[ecosystem]'
	touch $(ECOSYSTEM_READY)

lab: $(READY)
	$(BIN)/afnlab lab

# Carries the compiled kernels, where there are compilers; they are not left in the tree, where
# they would stand before those of an edited source.
wheel: $(READY)
	$(BIN)/python -m afnlab.native.prebuild
	$(HELD) $(PIP) wheel -q --no-deps -w dist .
	rm -rf afnlab/native/ready

# On a GPU: by the Python there is, which may have little more than torch, pandas, scikit-learn and
# pytest.
ON_GPU = PYTHONPATH=. $(if $(wildcard $(READY)),$(BIN)/python,$(PYTHON))

test-gpu:
	$(ON_GPU) -m pytest -q -m gpu $$(grep -rl --include='test_*.py' 'mark\.gpu' tests)

# One process each, which finds the device's memory empty.
bench-gpu:
	set -e; for what in activations autorot train; do $(ON_GPU) -m afnlab.cli bench $$what \
		--device cuda --rounds 9 --json benchmarks/results/$$what-cuda.json; done

clean:
	rm -rf .venv dist build reports runs

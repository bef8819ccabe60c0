# make demo | test | check | clean
#
# The first call sets everything up in .venv by itself. Paths are relative, so that a folder with
# spaces works. PYTHON chooses the interpreter, EXTRAS what is installed, VENV where, ARGS goes to
# pytest: make test ARGS="tests/sim -k reset".
VENV   ?= .venv
PYTHON ?=
EXTRAS ?=
ARGS   ?=
PY      = $(VENV)/bin/python
READY   = $(VENV)/native.stamp

.DELETE_ON_ERROR:
.PHONY: demo test check clean

demo: $(READY)
	@cat $(VENV)/notice
	@$(PY) -m neurodeploy demo

test: $(READY)
	@cat $(VENV)/notice
	$(PY) -m pytest $(ARGS)

check: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy --strict -p neurodeploy
	$(PY) .ci/check-imports
	bash .ci/check-symbols build/cp*

clean:
	rm -rf .venv .venv-nolava build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# Rebuild the extension only: CMake recompiles the files that changed. The editable installation puts
# the folder above this one on the module path, where any stray file would be imported: it is taken out.
$(READY): $(VENV)/dependencies.stamp $(wildcard sim/kernels/*)
	@echo "building the C++ core"
	@$(PY) -m pip --disable-pip-version-check --quiet --quiet install --no-build-isolation --no-deps --editable .
	@for list in $(VENV)/lib/python3*/site-packages/_editable_skbc_neurodeploy.pth; do \
	  grep -vxF "$$(dirname "$$PWD")" "$$list" >"$$list.new"; mv "$$list.new" "$$list"; done
	@touch $@

$(VENV)/dependencies.stamp: pyproject.toml .ci/set-up
	@bash .ci/set-up "$(VENV)" "$(PYTHON)" "$(EXTRAS)"
	@touch $@

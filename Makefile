# make demo    environment, system libraries, then the main job on a phantom
# make test    environment with test tools, then the tests
# make test-pyside6    the widgets in a window, once more under napari's other Qt binding
# make lint docs bench clean

SHELL := bash
PYTHON ?= python3
export PYTHON

BIN := .venv/bin
OUTPUT ?= demo-output
# What is measured in a window needs a display: Xvfb makes one where there is none. Tests bring their own.
XVFB := $(if $(DISPLAY)$(WAYLAND_DISPLAY),,$(shell command -v xvfb-run >/dev/null && echo 'xvfb-run -a -s "-screen 0 1280x720x24"'))

.PHONY: demo test test-pyside6 lint docs bench clean
.DEFAULT_GOAL := demo

demo: .venv/.for-demo
	@scripts/system_libraries.sh || echo "Going on without a window."
	$(BIN)/denoisplit demo --output $(OUTPUT)

test: .venv/.for-test
	@scripts/system_libraries.sh --test || echo "Going on; tests that need a display will fail."
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_OPTIONS)

test-pyside6: .venv/pyside6
	@scripts/system_libraries.sh --test || echo "Going on; tests that need a display will fail."
	PYTHONPATH=$(CURDIR)/$< QT_API=pyside6 PYTEST_QT_API=pyside6 \
		$(BIN)/python -m pytest tests/widgets/test_smoke.py

# Beside the environment, not in it: two bindings in one would hide which of them is tested.
.venv/pyside6: .venv/.for-test
	rm -rf $@
	$(BIN)/python -m pip install -qq -c constraints.txt --target $@ PySide6_Essentials
	@touch $@

lint: .venv/.for-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.for-docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# Two of them measure a napari window.
bench: .venv/.for-bench
	$(XVFB) $(BIN)/python -m benchmarks

.venv/.for-%: pyproject.toml constraints.txt scripts/environment.sh
	scripts/environment.sh $(filter-out demo,$*)
	@touch $@

clean:
	rm -rf .venv $(OUTPUT) docs/_build .pytest_cache .mypy_cache .ruff_cache

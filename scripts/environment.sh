#!/usr/bin/env bash
# Makes or updates the virtual environment .venv in the repository.
#
#   scripts/environment.sh EXTRA...     e.g. scripts/environment.sh test docs
#
# PYTHON chooses the interpreter (python3). Versions are those of constraints.txt.
set -eu -o pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Python 3.11 or newer is needed; '$python' is $("$python" --version 2>&1 || true)." >&2
    echo "Choose another one: make PYTHON=python3.12 ..." >&2
    exit 1
fi

if [ ! -x .venv/bin/python ]; then
    # Debian ships venv without ensurepip, in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
            apt-get update -qq && apt-get install -y -qq "$package" >/dev/null
        elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then
            sudo -n apt-get update -qq && sudo -n apt-get install -y -qq "$package" >/dev/null
        else
            echo "Python has no venv here. As an administrator: apt-get install $package" >&2
            exit 1
        fi
    fi
    "$python" -m venv .venv
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
# Of 19,000 files that Python could compile beforehand, which takes minutes, a few thousand are ever
# used: each is compiled when it is, unless Python is not to keep what it compiles.
compile=--no-compile
if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then
    compile=
fi

# Words, not arrays: the bash of macOS takes an empty array for an error.
# On Linux the package index has torch with CUDA, several GB. Where there is no NVIDIA card, the
# CPU build (0.2 GB) does the same work.
wheels=https://download.pytorch.org/whl/cpu
torch_index=
if [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null \
    && .venv/bin/python -c "import urllib.request as u; u.urlopen('$wheels/torch/', timeout=10)" 2>/dev/null; then
    torch_index="--extra-index-url $wheels"
fi
echo "Installing torch into .venv (about 200 MB; with CUDA several GB)"
pip install -qq $compile -c constraints.txt $torch_index torch

extras=$(IFS=,; echo "$*")
echo "Installing napari-denoisplit${extras:+ with its extras $extras} and napari (about 300 MB)"
pip install -qq $compile -c constraints.txt -e ".${extras:+[$extras]}" "napari[pyqt6]"

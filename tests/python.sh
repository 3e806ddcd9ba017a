#!/usr/bin/env bash
# Python with NumPy and SciPy for the tests that run exported text, in a folder of their own below the target folder.
# Prints the interpreter; fails where python3, its venv module or a package registry is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${CARGO_TARGET_DIR:-target}/python-venv"
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv" >&2
fi
if ! "$venv/bin/python" -c 'import numpy, scipy' 2>/dev/null; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        -r tests/requirements.txt >&2
fi
echo "$venv/bin/python"

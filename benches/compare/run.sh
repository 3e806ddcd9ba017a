#!/usr/bin/env bash
# Puts the thirty derivations of cases.py to every system and writes docs/comparison.md.
#
#     benches/compare/run.sh                  # everything; about two minutes after the installation
#     benches/compare/run.sh --only sympy     # one system to the standard output, nothing written
#
# The first run makes a virtual environment in target/ (6 GB: PyTorch, which tensorgrad needs, brings its libraries).
# CHAINRULE may name a built binary; without it cargo builds one. Needs python3 with venv. Two runs differ only in the
# date of the page.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment="${CARGO_TARGET_DIR:-target}/compare/venv"
wanted=benches/compare/requirements.txt
if ! cmp --silent "$wanted" "$environment/installed.txt"; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$environment/installed.txt"
fi
PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" benches/compare/compare.py "$@"

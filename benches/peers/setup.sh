#!/usr/bin/env bash
# The peers that the benches compare with, at pinned versions, in a virtual environment beside the build.
# Needs python3 with venv; afterwards `cargo bench --bench w6_build -- --peers` finds them.
set -euo pipefail
cd "$(dirname "$0")/../.."

peers="${CARGO_TARGET_DIR:-target}/peers"
python3 -m venv "$peers"
"$peers/bin/pip" install --quiet --disable-pip-version-check -r benches/peers/requirements.txt
"$peers/bin/pip" freeze

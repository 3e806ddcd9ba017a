#!/usr/bin/env bash
# The rivals at pinned versions, in a virtual environment beside the build. The first time takes minutes and 6 GB,
# because PyTorch brings its libraries; later calls find that nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! python3 -c "import venv" 2> /dev/null; then
    echo "benches/peers needs python3 with the module venv to run the rivals; install both and try again" >&2
    exit 1
fi
if ! command -v gcc > /dev/null; then
    echo "benches/peers needs gcc to compile the hand-written C; install it and try again" >&2
    exit 1
fi
peers="${CARGO_TARGET_DIR:-target}/peers"
wanted=benches/peers/requirements.txt
if ! cmp --silent "$wanted" "$peers/installed.txt"; then
    echo "installing the rivals into $peers" >&2
    python3 -m venv "$peers"
    "$peers/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$peers/installed.txt"
fi

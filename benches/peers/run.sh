#!/usr/bin/env bash
# Sets JAX, PyTorch, CasADi, hand-written NumPy and C, and us side by side on the workloads W1 to W7.
#
#     benches/peers/run.sh                                  # everything, about an hour
#     benches/peers/run.sh W3 W7 --quick                    # two workloads at small sizes
#     benches/peers/run.sh --threads 2 W2                   # two threads; one without it, pinned to a core
#     benches/peers/run.sh --variants                       # other sizes, one more layer, another activation
#     benches/peers/run.sh --rounds 5                       # turns of each system (3); the least counts
#
# Prints the goals with the ratios of this run and every measurement beside its best rivals; writes results.jsonl,
# goals.md, table.md and ratios.svg into target/peers-results, or the folder after --out. Fails where a checksum of
# ours is not that of the others.
set -euo pipefail
cd "$(dirname "$0")/../.."

benches/peers/setup.sh
PYTHONDONTWRITEBYTECODE=1 exec "${CARGO_TARGET_DIR:-target}/peers/bin/python" benches/peers/run.py "$@"

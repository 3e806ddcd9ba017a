#!/usr/bin/env bash
# End to end: the built program prints the homework's snapshots byte for byte.
# Needs `cargo build --release` before.
set -euo pipefail
cd "$(dirname "$0")/.."

chainrule="${CARGO_TARGET_DIR:-target}/release/chainrule"
reference=tests/homework/reference.txt
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# The lines between BEGIN and END of network $1 in the format that the reference calls $2.
block() {
    awk -v name="network $1 [$2]" '
        $0 == "===== END " name { inside = 0 }
        inside
        $0 == "===== BEGIN " name { inside = 1 }
    ' "$reference"
}

failures=0
for network in 0 1 2; do
    for pair in array-string:array_string numpy:numpy_str; do
        format="${pair%%:*}"
        block "$network" "${pair##*:}" > "$scratch/expected"
        [ -s "$scratch/expected" ] || { echo "no block of network $network in $reference"; exit 1; }
        arguments=(homework network "$network" --format "$format" --zeros homework)
        echo "\$ chainrule ${arguments[*]}"
        if ! "$chainrule" "${arguments[@]}" > "$scratch/printed"; then
            echo "the program failed"
            failures=$((failures + 1))
        elif ! diff -u "$scratch/expected" "$scratch/printed"; then
            failures=$((failures + 1))
        fi
    done
done

if [ "$failures" -gt 0 ]; then
    echo "end to end: $failures of 6 differ"
    exit 1
fi
echo "end to end: all 6 equal"

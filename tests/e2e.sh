#!/usr/bin/env bash
# End to end: the built program prints the homework's snapshots byte for byte, judges it, and survives hostile input.
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


# Verdicts on the homework: one wrong formula, and the exit code says so.
expect() {
    local wanted="$1" found=0
    shift
    echo "\$ chainrule $*"
    timeout 10 "$chainrule" "$@" > "$scratch/printed" 2>&1 || found=$?
    if [ "$found" -ne "$wanted" ]; then
        echo "exit code $found instead of $wanted"
        tail -5 "$scratch/printed"
        failures=$((failures + 1))
    fi
}
expect 1 check tests/language/homework/hw8.chain
grep -q '^44 checks: 41 correct, 2 correct under a stated condition, 1 wrong\.$' "$scratch/printed" || {
    tail -1 "$scratch/printed"
    failures=$((failures + 1))
}

# Hostile input ends with a message, in time and within 512 MB of address space.
ulimit -v 524288
{ printf 'var x : real\nclaim d(x)/dx = '; printf '(%.0s' $(seq 100000); printf '1\n'; } > "$scratch/open.chain"
{ printf 'var x : real\nclaim d(x)/dx = '; printf '(%.0s' $(seq 10000); printf '1'; printf ')%.0s' $(seq 10000); } > "$scratch/deep.chain"
printf 'var x : real\nclaim d(((x^9)^9)^9)/dx = 729*x^728\nvar A : real[1000000000,1000000000]\n' > "$scratch/large.chain"
printf 'title "never closed\nvar x : real\n' > "$scratch/open_text.chain"
printf 'var x : real\0\n' > "$scratch/zero.chain"
expect 65 check "$scratch/open.chain"
expect 0 check "$scratch/deep.chain"
expect 0 check "$scratch/large.chain"
expect 65 check "$scratch/open_text.chain"
expect 65 check "$scratch/zero.chain"
expect 65 check "$scratch"
expect 65 check /dev/zero
expect 66 check "$scratch/missing.chain"
expect 64 check

if [ "$failures" -gt 0 ]; then
    echo "end to end: $failures checks failed"
    exit 1
fi
echo "end to end: all as expected"

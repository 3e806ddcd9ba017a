"""Writes checksums.json: what the anchors by hand answer at the sizes of the tests, which ours is compared with.

    target/peers/bin/python benches/peers/checksums.py

Fails where two anchors disagree.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    command = [sys.executable, HERE / "rivals.py", "--small", "--only", "c_hand,numpy_hand,blas_syrk"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found = {}
    for row in map(json.loads, lines):
        if "error" in row:
            sys.exit(f"{row['workload']} {row['metric']} {row['n']} {row['system']}: {row['error']}")
        if row["result_checksum"] is None:
            continue
        key = row["workload"], row["metric"], row["n"]
        want, tolerance = found.setdefault(key, row["result_checksum"]), 1e-4 if "f32" in row["metric"] else 1e-7
        if abs(row["result_checksum"] - want) > tolerance * max(1.0, abs(want)):
            sys.exit(f"{' '.join(map(str, key))}: {row['system']} answers {row['result_checksum']}, others {want}")
    rows = [
        json.dumps(dict(workload=workload, metric=metric, n=n, result_checksum=value))
        for (workload, metric, n), value in found.items()
    ]
    (HERE / "checksums.json").write_text("[\n  " + ",\n  ".join(rows) + "\n]\n")


main()

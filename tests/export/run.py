"""Runs exported functions: jobs as JSON on standard input, results as JSON on standard output.

Numbers travel as text, so that NaN and infinities arrive.
"""

import inspect
import json
import sys

import numpy as np

np.seterr(all="ignore")
KINDS = {"real": float, "int": int, "bool": int}


def array(value):
    entries = [KINDS[value["kind"]](entry) for entry in value["data"]]
    dtype = {"real": float, "int": np.int64, "bool": bool}[value["kind"]]
    made = np.array(entries, dtype=dtype).reshape(value["shape"])
    return made if made.ndim else made[()]


def run(job):
    space = {"np": np}
    exec(job["code"], space)
    function = space[job["name"]]
    results = []
    for point in job["points"]:
        known = {name: array(value) for name, value in point["values"].items()}
        known = {**point["sizes"], **known}
        try:
            value = function(**{name: known[name] for name in inspect.signature(function).parameters})
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
            continue
        values = value if isinstance(value, tuple) else (value,)
        shown = [np.asarray(v) for v in values]
        results.append({"values": [{"shape": v.shape, "data": [repr(float(x)) for x in v.ravel()]} for v in shown]})
    return results


print(json.dumps([run(job) for job in json.load(sys.stdin)]))

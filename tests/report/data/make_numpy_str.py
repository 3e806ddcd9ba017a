"""Writes numpy_str.jsonl: arrays and the text that numpy's str gives them.

Needed only to make the vectors anew; the tests read the file. Run as the first line of the file says.
"""
import json
import random
import sys

import numpy as np

random.seed(20260101)
cases = []


def add(dtype, shape, values):
    a = np.array(values, dtype=dtype).reshape(shape)
    if dtype in ("f8", "f4"):
        recorded = [repr(float(v)) for v in a.ravel()]
    else:
        recorded = [v.item() for v in a.ravel()]
    cases.append({"dtype": dtype, "shape": list(shape), "values": recorded, "str": str(a)})


def formula(dtype, shape, step, modulus, shift, scale):
    """Entry k is ((k * step) % modulus - shift) * scale."""
    k = np.arange(int(np.prod(shape)), dtype="i8")
    a = (k * step) % modulus - shift
    if dtype != "i8":
        a = a.astype("f8") * scale
    a = a.astype(dtype).reshape(shape)
    cases.append({"dtype": dtype, "shape": list(shape), "formula": [step, modulus, shift, scale], "str": str(a)})


def digits(n):
    return float("%.*g" % (n, random.gauss(0, 1)))


inf, nan = float("inf"), float("nan")
special = [0.0, -0.0, 1.0, -1.0, inf, -inf, nan, 5e-324, 1e-5, 9.9999e-5, 1e-4, 1e15, 9999999999999998.0, 1e16, 1e22,
           1.7976931348623157e308, 0.1, 1 / 3, 123456789.123, 10.0, 1e8, 99999999.0, 99999999.999999996, 2.5e-8]
for dtype in ("f8", "f4"):
    for v in special:
        with np.errstate(over="ignore"):
            add(dtype, (), [v])
            add(dtype, (1,), [v])
            add(dtype, (2,), [v, 1.0])
            add(dtype, (3,), [nan, v, -inf])
    for shape in [(0,), (2, 0), (0, 3), (1, 0, 2)]:
        add(dtype, shape, [])
    for n in range(1, 40, 3):
        add(dtype, (n,), [float(i) for i in range(n)])
        add(dtype, (n,), [digits(3) for _ in range(n)])
    for _ in range(25):
        n = random.randint(1, 9)
        add(dtype, (n,), [digits(random.randint(1, 17)) for _ in range(n)])
        add(dtype, (n,), [random.uniform(-1, 1) * 10.0 ** random.randint(-5, 9) for _ in range(n)])
        add(dtype, (n,), [random.uniform(-1, 1) * 10.0 ** random.randint(-30, 30) for _ in range(n)])
        add(dtype, (n,), [random.choice([0.0, -0.0, nan, inf, -inf, 2.5, -3.0, 1e-9]) for _ in range(n)])
    for shape in [(2, 2), (3, 1), (1, 3), (2, 3, 4), (2, 1, 2, 2), (1, 1, 1, 1, 2), (2, 2, 2, 2, 2), (3, 30), (2, 2, 25)]:
        n = int(np.prod(shape))
        add(dtype, shape, [digits(2) for _ in range(n)])
        add(dtype, shape, [float(random.randint(-12, 12)) for _ in range(n)])
        add(dtype, shape, [digits(12) * 10.0 ** random.randint(-6, 6) for _ in range(n)])
    add(dtype, (4,), [1.0, 1000.0, 0.5, 999.999999996])
    add(dtype, (2,), [9.9999999996, 1.0])
    add(dtype, (2,), [0.99999999996, 100.0])
    add(dtype, (2,), [9.99999999996e20, 1.0])
    add(dtype, (2,), [1e-200 if dtype == "f8" else 1e-40, 1e200 if dtype == "f8" else 1e38])
    add(dtype, (2,), [0.001, 1.0])
    for v in [999999.0, 999999.9375, 1e6, 1000001.0, 99999990.0]:
        add(dtype, (1,), [v])
        add(dtype, (), [v])
    add(dtype, (3,), [5e-324 if dtype == "f8" else 1.4e-45, 1.25, 1.0])
    add(dtype, (2,), [5e-324 if dtype == "f8" else 1.4e-45, 1.23456789])
    add(dtype, (4,), [2.0**k for k in (24, 40, 55, 60)])
    add(dtype, (4,), [2.0**k + 2.0**(k - 20) for k in (24, 40, 55, 60)])
    add(dtype, (2,), [0.0001, 0.1])
    add(dtype, (3,), [1.000000005, 1.000000015, 0.000244140625])
    for shape in [(1000,), (1001,), (7, 143), (6, 200), (200, 6), (8, 200), (11, 10, 10), (2, 3, 200), (5000, 1), (1, 5000),
                  (4, 4, 4, 4, 4), (7, 1, 150), (2, 20, 30)]:
        formula(dtype, shape, 7919, 1009, 504, 0.125)
        formula(dtype, shape, 104729, 100003, 50000, 1.1e-3)
        formula(dtype, shape, 1, 10**9, 0, 1.0)
for n in [1, 2, 5, 17, 30, 60]:
    add("i8", (n,), [random.randint(-10 ** random.randint(0, 6), 10 ** random.randint(0, 6)) for _ in range(n)])
    add("?", (n,), [random.random() < 0.5 for _ in range(n)])
for shape in [(2, 3), (2, 2, 2), (1, 1, 2), (3, 40), (0,), (2, 0)]:
    n = int(np.prod(shape))
    add("i8", shape, [random.randint(-99, 99) for _ in range(n)])
    add("?", shape, [random.random() < 0.5 for _ in range(n)])
for v in [0, -7, 2**63 - 1, -(2**63)]:
    add("i8", (), [v])
    add("i8", (2,), [v, 1])
add("?", (), [True])
add("?", (), [False])
add("?", (3,), [True, True, True])
for shape in [(1001,), (40, 40), (3, 500), (11, 10, 10)]:
    formula("i8", shape, 7919, 1009, 504, 1)
    formula("i8", shape, 1, 10**9, 0, 1)

print(json.dumps({"command": "python3 make_numpy_str.py > numpy_str.jsonl", "numpy": np.__version__,
                  "about": "entries row-major; a formula is entry k = ((k * step) % modulus - shift) * scale"}))
for case in cases:
    print(json.dumps(case))
print(len(cases), "cases", file=sys.stderr)

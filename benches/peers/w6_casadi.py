"""W6 in CasADi SX: builds and differentiates the chained Rosenbrock function of n variables, once, in this process.

Prints what `benches/w6_build.rs` prints of our own: for each phase seconds, seconds on a processor,
growth of the peak resident set, nodes.
The expression is written with vectors, so that its n scalar nodes are made by the library and not by the interpreter.
"""

import json
import resource
import sys
import time

import casadi as ca
import numpy as np


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def build(n):
    x = ca.SX.sym("x", n)
    a, b = x[:-1], x[1:]
    return x, ca.sum1(100 * (b - a * a) ** 2 + (1 - a) ** 2)


def by_hand(x):
    t = x[1:] - x[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] += -400 * t * x[:-1] - 2 * (1 - x[:-1])
    gradient[1:] += 200 * t
    return gradient


def main(n):
    base, phases = peak_mb(), []

    def phase(name, make):
        start, processor = time.perf_counter(), time.process_time()
        made = make()
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        phases.append({"phase": name, "s": seconds, "cpu": processor, "mb": peak_mb() - base})
        return made

    x, f = phase("build", lambda: build(n))
    gradient = phase("gradient", lambda: ca.gradient(f, x))
    # Counted afterwards, because only a callable function counts its nodes.
    phases[0]["nodes"] = ca.Function("f", [x], [f]).n_nodes()
    function = ca.Function("g", [x], [f, gradient])
    phases[1]["nodes"] = function.n_nodes()
    at = np.arange(n) * 7919 % 1009 / 504.5 - 1.0
    assert np.allclose(np.asarray(function(at)[1]).ravel(), by_hand(at))
    print(json.dumps(phases))


main(int(sys.argv[1]))

"""W6: building and differentiating f(x) = sum_(i<n-1) 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2 as a scalar graph.

build     the graph of f
gradient  the graph of its gradient
build_and_gradient  the two together
hessian   the graph of the sparse Hessian, 3n - 2 entries

Each run is a fresh process; `peak_mb` is the growth of its resident set, `cpu_min` leaves out waiting for others.
`n vectorised` is the same function written with slices: its graph has as many nodes for every n.
"""

import json
import resource
import subprocess
import sys
import time

from common import OPTIONS, Report, Timing, cases, compiled, ctypes, jax, np, torch


class Phases:
    """What a fresh process does, one measurement after the other."""

    def __init__(self):
        self.found, self.base = [], self.peak()

    def peak(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0

    def __call__(self, metric, make, nodes=None):
        start, processor = time.perf_counter(), time.process_time()
        made = make()
        row = dict(metric=metric, seconds=time.perf_counter() - start, cpu=time.process_time() - processor)
        row["peak_mb"] = self.peak() - self.base
        if nodes:
            row["nodes"] = nodes(made)
        self.found.append(row)
        return made


def c_hand(n):
    library, result = compiled("graph.c"), np.zeros(n, np.uint32)
    library.build.restype = library.gradient.restype = ctypes.c_long
    phase, size = Phases(), ctypes.c_long(n)

    def build():
        library.begin(size, ctypes.c_long(40 * n + 64))
        return library.build(size)

    phase("build", build, int)
    phase("gradient", lambda: library.gradient(size, ctypes.c_void_p(result.ctypes.data)), int)
    return phase


def casadi_sx(n):
    """Written with vectors, so that its nodes are made in C++ and not by the interpreter."""
    import casadi as ca

    phase = Phases()

    def build():
        x = ca.SX.sym("x", n)
        a, b = x[:-1], x[1:]
        return x, ca.sum1(100 * (b - a * a) ** 2 + (1 - a) ** 2)

    x, f = phase("build", build)
    g = phase("gradient", lambda: ca.gradient(f, x))
    h = phase("hessian", lambda: ca.jacobian(g, x, {"symmetric": True}))
    function = phase("function", lambda: ca.Function("f", [x], [f, g, h]), lambda made: made.n_nodes())
    at = np.arange(n) * 7919 % 1009 / 504.5 - 1.0
    t = at[1:] - at[:-1] ** 2
    by_hand = np.zeros(n)
    by_hand[:-1] += -400 * t * at[:-1] - 2 * (1 - at[:-1])
    by_hand[1:] += 200 * t
    assert np.allclose(np.asarray(function(at)[1]).ravel(), by_hand)
    return phase


def jax_vector(n):
    module = jax()
    module.jit(lambda a: a + 1)(1.0)
    at, phase = module.numpy.ones(n), Phases()
    f = lambda x: module.numpy.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)  # noqa: E731
    phase("build", lambda: module.make_jaxpr(f)(at))
    lowered = phase("gradient", lambda: module.jit(module.grad(f)).trace(at).lower())
    phase("function", lowered.compile)
    return phase


def jax_scalar(n):
    module = jax()
    module.jit(lambda a: a + 1)(1.0)
    phase = Phases()
    f = lambda *x: sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))  # noqa: E731
    at = [1.0] * n
    phase("build", lambda: module.make_jaxpr(f)(*at))
    phase("gradient", lambda: module.jit(module.grad(f, tuple(range(n)))).trace(*at).lower())
    return phase


def torch_tape(n):
    """The tape of one call and one pass over it; PyTorch keeps no graph of the gradient."""
    module = torch()
    x = [module.ones((), dtype=module.float64, requires_grad=True) for _ in range(n)]
    phase = Phases()
    f = phase("build", lambda: sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:])))
    phase("gradient", lambda: module.autograd.grad(f, x))
    return phase


SYSTEMS = dict(c_hand=c_hand, casadi_sx=casadi_sx, jax_vector=jax_vector, jax_scalar=jax_scalar, torch=torch_tape)
# Beyond these sizes a system takes more than a minute, or overflows the interpreter's stack.
AT_MOST = dict(jax_scalar=300, torch=10_000)


def runs(system, n, times):
    command = [sys.executable, __file__.replace("w6.py", "rivals.py"), "W6", "--child", f"{system}:{n}"]
    command += ["--core", str(OPTIONS.core), "--threads", str(OPTIONS.threads)]
    found = []
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return found


def measure_one(system, n):
    report = Report("W6", f"{n} vectorised" if system == "jax_vector" else n)
    if not report.wants(system):
        return
    try:
        found = runs(system, n, 3 if n >= 100_000 else 1)
    except Exception as error:  # noqa: BLE001 (a failure of the rival is its result)
        failure = error

        def fail():
            raise failure

        return report(system, "build", fail)
    columns = {phases[0]["metric"]: phases for phases in zip(*found)}
    columns["build_and_gradient"] = [
        {key: a[key] + b[key] for key in ("seconds", "cpu")} | {"peak_mb": b["peak_mb"]}
        for a, b in zip(columns["build"], columns["gradient"])
    ]
    for metric, phases in columns.items():
        extra = dict(cpu_min=min(p["cpu"] for p in phases), peak_mb=max(p["peak_mb"] for p in phases))
        extra |= {key: phases[0][key] for key in ("nodes",) if key in phases[0]}
        report(system, metric, lambda: (Timing([p["seconds"] for p in phases], 1), None, extra))


def measure():
    if OPTIONS.child:
        system, n = OPTIONS.child.split(":")
        print(json.dumps(SYSTEMS[system](int(n)).found))
        return
    sizes = [case["n"] for case in cases("graph")]
    for system in SYSTEMS:
        for n in sorted({min(n, AT_MOST.get(system, n)) for n in sizes}):
            measure_one(system, n)

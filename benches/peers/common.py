"""What the scripts of all rivals share: options, inputs, checksums, timing, rows, hand-written C.

Import this module before NumPy or any rival: it sets the number of threads, which they read once.
The rules that a program must follow to be comparable stand in README.md beside this file.
"""

import argparse
import ctypes
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W6", "W7"]


def options():
    parser = argparse.ArgumentParser(description="Times the rivals on the workloads; one JSON line a measurement.")
    parser.add_argument("workloads", nargs="*", metavar="W1..W7", help="all without any")
    parser.add_argument("--quick", action="store_true", help="small sizes, short samples")
    parser.add_argument("--variants", action="store_true", help="other sizes, layers and activations")
    parser.add_argument("--small", action="store_true", help="the sizes of the tests")
    parser.add_argument("--threads", type=int, choices=[1, 2], default=1, help="1 also pins the process to a core")
    parser.add_argument("--core", type=int, default=1, help="the core of --threads 1")
    parser.add_argument("--only", default="", metavar="SYSTEM,..", help="these systems")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    found = parser.parse_args()
    unknown = [w for w in found.workloads if w not in WORKLOADS]
    if unknown:
        parser.error(f"there is no workload {unknown[0]}: try one of {' '.join(WORKLOADS)}")
    return found


OPTIONS = options()
if OPTIONS.threads == 1 and hasattr(os, "sched_setaffinity") and OPTIONS.core in os.sched_getaffinity(0):
    os.sched_setaffinity(0, {OPTIONS.core})
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(OPTIONS.threads)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402 (after the number of threads)

BRIEF = OPTIONS.quick or OPTIONS.small


def cases(problem):
    """The cases of a problem in the chosen set of cases.json, which the Rust side reads as well."""
    chosen = "small" if OPTIONS.small else "variants" if OPTIONS.variants else "quick" if OPTIONS.quick else "full"
    return json.loads((HERE / "cases.json").read_text())[chosen][problem]


# ---------------------------------------------------------------- inputs


def u01(stream, count):
    """`count` numbers in [0, 1): splitmix64 in counter form, so that entry k needs no entry before it."""
    with np.errstate(over="ignore"):
        k = np.arange(1, count + 1, dtype=np.uint64)
        s = np.uint64(stream) + k * np.uint64(0x9E3779B97F4A7C15)
        s = (s ^ (s >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        s = (s ^ (s >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        s = s ^ (s >> np.uint64(31))
    return (s >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uni(stream, shape, low=-1.0, high=1.0):
    """Row-major array of the shape, uniform in [low, high)."""
    return (low + (high - low) * u01(stream, int(np.prod(shape)))).reshape(shape)


def ints(stream, count, below):
    """Integers in 0 .. below."""
    return np.floor(u01(stream, count) * below).astype(np.int64)


# ---------------------------------------------------------------- checksums


def checksum(*results):
    """Σ_i r[i] ((i mod 13) + 1) / 13 over the row-major concatenation r of the results, in f64."""
    total, start = 0.0, 0
    for result in results:
        flat = np.asarray(result, dtype=np.float64).ravel()
        for low in range(0, flat.size, 1 << 22):
            piece = flat[low : low + (1 << 22)]
            weights = (np.arange(start + low, start + low + piece.size) % 13 + 1) / 13.0
            total += float(np.dot(piece, weights))
        start += flat.size
    return total


# ---------------------------------------------------------------- timing


class Timing:
    """Seconds of each sample, a sample being the mean of `inner` calls."""

    def __init__(self, samples, inner):
        self.samples, self.inner = samples, inner

    def __add__(self, other):
        return Timing([a + b for a, b in zip(self.samples, other.samples)], self.inner)

    def seconds(self):
        return min(self.samples)


def samples_of(run, inner, count):
    """Runs `inner` calls at a time until there are enough samples, or three and the time is up."""
    found, start, budget = [], time.perf_counter(), 0.3 if BRIEF else 1.2
    while len(found) < count and (len(found) < 3 or time.perf_counter() - start < budget):
        found.append(run(inner) / inner)
    return Timing(found, inner)


def bench(call, count=None):
    """Time of a call that returns when its results are in memory."""

    def run(inner):
        start = time.perf_counter()
        for _ in range(inner):
            call()
        return time.perf_counter() - start

    run(1)
    inner = max(1, int((0.004 if BRIEF else 0.01) / max(run(1), 1e-9)))
    return samples_of(run, inner, count or (5 if BRIEF else 9))


def once(call):
    """Seconds of one call, and what it answers."""
    start = time.perf_counter()
    answer = call()
    return time.perf_counter() - start, answer


# ---------------------------------------------------------------- rows


class Report:
    """Prints one JSON line a measurement. What a rival cannot do is a line with `error`."""

    def __init__(self, workload, n):
        self.workload, self.n = workload, n

    def wants(self, system):
        return not OPTIONS.only or system in OPTIONS.only.split(",")

    def __call__(self, system, metric, measure, n=None):
        """`measure()` answers a timing, a checksum and further members."""
        if not self.wants(system):
            return
        row = dict(workload=self.workload, system=system, n=self.n if n is None else n, metric=metric)
        try:
            timing, result, *extra = measure()
            row.update(
                seconds_min=timing.seconds(),
                seconds_median=float(np.median(timing.samples)),
                samples=len(timing.samples),
                inner=timing.inner,
                threads=OPTIONS.threads,
                result_checksum=result,
                **(extra[0] if extra else {}),
            )
        except Exception as error:  # noqa: BLE001 (any failure of a rival is its result)
            row.update(threads=OPTIONS.threads, error=f"{type(error).__name__}: {error}"[:200])
        print(json.dumps(row), flush=True)


# ---------------------------------------------------------------- hand-written C

# Relaxed floating point belongs to the limit: it lets gcc vectorise sums and elementary functions.
FLAGS = ["-O3", "-march=native", "-ffast-math", "-fno-math-errno"]


def compiled(source, *definitions, name=None):
    """A library of the C file, or of the text when a name is given; compiled once for each text and definitions."""
    text = source if name else (HERE / source).read_text()
    flags = [*FLAGS, *definitions]
    key = hashlib.sha256((text + " ".join(flags)).encode()).hexdigest()[:16]
    folder = Path(os.environ.get("PEERS_BUILD") or HERE.parent.parent / "target/peers-c")
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name or Path(source).stem}_{key}"
    library, seconds = folder / f"{stem}.so", 0.0
    if not library.exists():
        written = folder / f"{stem}.c"
        written.write_text(text)
        command = ["gcc", *flags, "-shared", "-fPIC", str(written), "-o", str(library), "-lm"]
        seconds, _ = once(lambda: subprocess.run(command, check=True))
    loaded = ctypes.CDLL(str(library))
    loaded.compile_seconds = seconds
    return loaded


def pointer(array):
    assert array.flags["C_CONTIGUOUS"]
    return ctypes.c_void_p(array.ctypes.data)


def bench_c(function, *arguments):
    """Time of `function(arguments.., long repetitions)`: the loop is in C, so calling from Python costs nothing."""
    passed = [pointer(a) if isinstance(a, np.ndarray) else ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    function.restype = None

    def run(inner):
        start = time.perf_counter()
        function(*passed, ctypes.c_long(inner))
        return time.perf_counter() - start

    wanted = 0.004 if BRIEF else 0.01
    run(1)
    inner = max(1, int(wanted / max(run(1), 2e-8)))
    while inner < 10**8 and run(inner) < wanted / 2:
        inner *= 4
    return samples_of(run, inner, 5 if BRIEF else 9)


def aligned(count):
    """Doubles that begin at a line of the cache, as streaming stores want them."""
    raw = np.zeros(count * 8 + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * 8].view(np.float64)


# ---------------------------------------------------------------- rivals


def jax():
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax


def torch():
    import torch

    torch.set_num_threads(OPTIONS.threads)
    return torch


def bench_jax(function, arguments, results=lambda r: r if isinstance(r, (tuple, list)) else (r,), compile=True):
    """Time of a jitted function on JAX arrays, its checksum, and the seconds of tracing and compiling it."""
    import jax as module

    fast = jax().jit(function)
    placed = module.tree_util.tree_map(module.numpy.asarray, arguments)
    seconds, answer = once(lambda: module.block_until_ready(fast(*placed)))
    timing = bench(lambda: module.block_until_ready(fast(*placed)))
    return timing, checksum(*results(answer)), dict(compile_seconds=seconds)


def casadi_vm(function, arguments, results):
    """CasADi's virtual machine through its buffers: arguments and results are flat arrays."""
    buffers, evaluate = function.buffer()
    for k, argument in enumerate(arguments):
        buffers.set_arg(k, memoryview(argument))
    for k, result in enumerate(results):
        buffers.set_res(k, memoryview(result))
    timing = bench(evaluate)
    return timing, checksum(*results)


def casadi_c(function, points):
    """CasADi's generated C, compiled as our own anchors are, at each row of `points`; two results at most."""
    import casadi as ca

    generator = ca.CodeGenerator("generated.c")
    generator.add(function)
    source = generator.dump() + (HERE / "casadi_loop.c").read_text()
    library = compiled(source, f"-DFUNCTION={function.name()}", name="casadi")
    count = len(points)
    sizes = [function.nnz_out(k) if k < function.n_out() else 0 for k in range(2)]
    results = [np.zeros(count * size + 1) for size in sizes]
    scratch = np.zeros(function.sz_w() + 8), np.zeros(function.sz_iw() + 8, np.int64)
    timing = bench_c(library.loop, points, points.shape[1], *results, *sizes, *scratch, count)
    found = [result[: count * size] for result, size in zip(results, sizes)]
    return timing, checksum(*found), dict(compile_seconds=library.compile_seconds)

"""Sets the rivals and us side by side: workload by workload, in turn, the least of all rounds. See run.sh."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W6", "W7"]


def options():
    parser = argparse.ArgumentParser(prog="benches/peers/run.sh", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="W1..W7", help="all without any")
    parser.add_argument("--quick", action="store_true", help="small sizes, short samples")
    parser.add_argument("--variants", action="store_true", help="other sizes, layers and activations")
    parser.add_argument("--small", action="store_true", help="the sizes of the tests, to try the harness itself")
    parser.add_argument("--threads", type=int, choices=[1, 2], default=1, help="1 also pins every system to one core")
    parser.add_argument("--core", type=int, default=1, help="the core of --threads 1")
    parser.add_argument("--rounds", type=int, default=3, help="how often each system has its turn")
    parser.add_argument("--only", default="", metavar="SYSTEM,..", help="these rivals")
    parser.add_argument("--out", type=Path, help="folder of the results; target/peers-results without it")
    found = parser.parse_args()
    unknown = [w for w in found.workloads if w not in WORKLOADS]
    if unknown:
        parser.error(f"there is no workload {unknown[0]}: try one of {' '.join(WORKLOADS)}")
    return found


def progress(text):
    """A line that the next one covers, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def built(name, *arguments):
    """The program with this name that cargo builds in release mode, maybe among others."""
    command = ["cargo", *arguments, "--message-format=json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed: its messages stand above")
    messages = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    programs = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == name]
    return programs[-1]


def rows_of(command, pin):
    """The JSON lines of a program; what it says beside them is shown when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=pin)
    if done.returncode != 0:
        progress("")
        print(f"{' '.join(map(str, command))}\n{done.stderr.strip()}", file=sys.stderr)
        sys.exit(f"a measurement failed with code {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def said(*command):
    """What a command prints; nothing where there is no such command."""
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout


def machine():
    """When and where: the day, the processor, the compiler."""
    named = (line.split(":", 1)[1].strip() for line in said("lscpu").splitlines() if line.startswith("Model name:"))
    rustc = said("rustc", "--version").split()[1]
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {next(named, platform.machine())}, Rust {rustc}"


def text_to_numbers(program, core):
    """The time of a process from the text of the homework's network to its numbers, program start included."""
    gradients = ["dlambda/dV2", "dlambda/db2", "dlambda/dV1", "dlambda/db1"]
    command = [program, "eval", ROOT / "tests/language/homework/hw8_network2.chain", "--at", "N2", *gradients]
    everywhere = os.sched_getaffinity(0) if core is not None else None
    taken = []
    if core is not None:
        # The child inherits it; a function called in the child would copy this process first.
        os.sched_setaffinity(0, {core})
    for _ in range(20):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    if core is not None:
        os.sched_setaffinity(0, everywhere)
    row = dict(workload="W1", system="chainrule", n="net2", metric="text_to_numbers", seconds_min=min(taken))
    return dict(row, seconds_median=sorted(taken)[10], samples=20, inner=1, threads=1, result_checksum=None)


def main():
    wanted = options()
    out = wanted.out or Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "peers-results"
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
    progress("building our bench")
    bench = built("peers", "bench", "--bench", "peers", "--no-run")
    command_line = built("chainrule", "build", "--release", "--bin", "chainrule")
    shared = [f"--{name}" for name in ("quick", "variants", "small") if getattr(wanted, name)]
    shared += ["--threads", str(wanted.threads)]
    rivals = [sys.executable, HERE / "rivals.py", *shared, "--core", str(wanted.core), "--only", wanted.only]
    pin = None
    if wanted.threads == 1 and hasattr(os, "sched_setaffinity") and wanted.core in os.sched_getaffinity(0):
        pin = lambda: os.sched_setaffinity(0, {wanted.core})  # noqa: E731
    measured = []
    workloads = wanted.workloads or WORKLOADS
    for workload in workloads:
        for turn in range(wanted.rounds):
            for who, command in (("rivals", [*rivals, workload]), ("ours", [bench, workload, "--json", *shared])):
                progress(f"{workload}, round {turn + 1} of {wanted.rounds}: {who}")
                rows = rows_of(command, pin)
                if who == "ours" and workload == "W1":
                    rows.append(text_to_numbers(command_line, wanted.core if pin else None))
                measured += rows
    progress("")
    out.mkdir(parents=True, exist_ok=True)
    (out / "machine.txt").write_text(machine() + "\n")
    import report

    kept = report.least(measured)
    (out / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    sys.exit(not report.write(kept, out))


main()

"""One system answers every case, in a process of its own; one JSON record a line goes to the standard output.

    worker.py SYSTEM [CASE ...]

An answer is judged here and only by numbers: `cases.py` says what is right.
"""

import ast
import importlib
import json
import signal
import sys
import traceback
import warnings

import numpy as np

import cases

SECONDS = 60
BEST_FIRST = ["formula", "fixed", "numbers", "captured", "wrong", "NaN", "refused", "none"]


class TooLong(Exception):
    """An attempt took more than SECONDS."""


def alarm(*_):
    raise TooLong(f"no answer within {SECONDS} seconds")


def typed(code, scope):
    """Runs `code` as a notebook cell: statements, then the value of the last expression."""
    tree = ast.parse(code)
    last = ast.Expression(tree.body.pop().value)
    exec(compile(tree, "typed", "exec"), scope)  # noqa: S102 - texts of this folder
    return eval(compile(last, "typed", "eval"), scope)  # noqa: S307


def verdict(system, case, label, values):
    """The word for an answer, and a note where one is due."""
    kind = {"explicit": "fixed"}.get(label, label if label in BEST_FIRST else system.KIND)
    if case.kind == "judge":
        if None in values:
            return "refused", "undecided"
        right = list(values) == [True, False]
        return (kind if right else "wrong"), "" if right else f"says {list(values)} of the right and the wrong formula"
    note, points, tolerance = "", list(case.data()), getattr(system, "TOLERANCE", 1e-9)
    for (_, data), parts in zip(points, values):
        parts = [np.asarray(p, dtype=float) for p in parts]
        if not case.accepts(data, parts, tolerance):
            shown = "; ".join(np.array2string(p, precision=4, threshold=12, separator=", ") for p in parts)
            if any(np.isnan(p).any() for p in parts):
                return "NaN", f"gives {shown}".replace("\n", "")
            return ("captured" if case.kind == "capture" else "wrong"), f"gives {shown}".replace("\n", "")
        if case.kind == "plain" and not note:
            for part, expected, rank in zip(parts, case.answer(data), case.value_ranks()):
                order = cases.layout_of(part, expected, rank, tolerance)
                if order != tuple(range(len(order))):
                    note = f"axes in another order: {order}"
    if case.kind == "kink":
        parts = values[0]
        note = "takes " + ", ".join(f"{float(np.ravel(p)[0]):g}" for p in parts) + (f" {note}" if note else "")
    return kind, note


def main(name, only):
    warnings.simplefilter("ignore")
    system = importlib.import_module(f"with_{name}")
    print(json.dumps(dict(version=system.version(), name=system.NAME, preamble=system.PREAMBLE)), flush=True)
    signal.signal(signal.SIGALRM, alarm)
    for key, case in cases.CASES.items():
        if only and key not in only:
            continue
        attempts = system.ATTEMPTS.get(key, "no way to ask it was found")
        if isinstance(attempts, str):
            print(json.dumps(dict(case=key, typed="", text=attempts, verdict="none", note="")), flush=True)
            continue
        for label, code in attempts:
            record = dict(case=key, label=label, typed=system.spoken(case, code, label), text="", note="")
            signal.alarm(SECONDS)
            try:
                with np.errstate(all="ignore"):
                    record["text"], values = system.ask(case, code, label)
                    record["verdict"], record["note"] = verdict(system, case, label, values)
            except TooLong as error:
                record.update(verdict="refused", note=str(error))
            except Exception as error:  # noqa: BLE001 - any failure of a system is its answer
                if "--trace" in sys.argv:
                    traceback.print_exc()
                said = str(error) if hasattr(error, "verdict") else f"{type(error).__name__}: {error}".rstrip(": ")
                record.update(verdict=getattr(error, "verdict", "refused"), note=" ".join(said.split())[:200])
            finally:
                signal.alarm(0)
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    main(arguments[0], arguments[1:])

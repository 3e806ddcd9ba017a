"""The same derivations put to six systems; writes docs/comparison.md. Start it by `run.sh`, which installs the systems.

`cases.py` has the derivations and what is right, by differences in 60 digits. `with_SYSTEM.py` has what is typed into
each system, in several idioms where it has several, and how its answer becomes numbers. `worker.py` asks and judges.
The best answer of a system counts; that another idiom answered wrongly without saying so is marked.
"""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import numpy as np

import cases
from worker import BEST_FIRST

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "comparison.md"
SYSTEMS = ["chainrule", "sympy", "tensorgrad", "casadi", "jax", "torch"]
WORDS = {"formula": "formula", "fixed": "fixed size", "numbers": "numbers", "captured": "captured a letter",
         "wrong": "wrong", "NaN": "NaN", "refused": "refused", "none": "-"}
SILENT = ("captured", "wrong", "NaN")


def records(system):
    """What one system answered: what it is, and its records by case."""
    command = [sys.executable, str(HERE / "worker.py"), system]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    about, *answers = (json.loads(line) for line in lines if line.startswith("{"))
    by_case = {key: [a for a in answers if a["case"] == key] for key in cases.CASES}
    return about, by_case


def best(attempts):
    return min(attempts, key=lambda a: BEST_FIRST.index(a["verdict"]))


def cell(attempts):
    winner = best(attempts)
    mark = " †" if winner["verdict"] not in SILENT and any(a["verdict"] in SILENT for a in attempts) else ""
    return WORDS[winner["verdict"]] + mark


def trimmed(text, most=240):
    text = "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())
    return text if len(text) <= most else text[:most].rstrip() + " ..."


def table(answers):
    names = [answers[s][0]["name"] for s in SYSTEMS]
    yield "| | derivation | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for number, (key, case) in enumerate(cases.CASES.items(), 1):
        cells = (cell(answers[s][1][key]) for s in SYSTEMS)
        yield f"| {number} | [{case.title}](#{anchor(number, case)}) | " + " | ".join(cells) + " |"


def totals(answers):
    names = [answers[s][0]["name"] for s in SYSTEMS]
    yield "| best answer | " + " | ".join(names) + " |"
    yield "|---|" + "---|" * len(names)
    for verdict in BEST_FIRST:
        counts = [sum(best(a)["verdict"] == verdict for a in answers[s][1].values()) for s in SYSTEMS]
        if any(counts):
            yield f"| {WORDS[verdict]} | " + " | ".join(map(str, counts)) + " |"
    marked = [sum(cell(a).endswith("†") for a in answers[s][1].values()) for s in SYSTEMS]
    yield "| of these with † | " + " | ".join(map(str, marked)) + " |"


def anchor(number, case):
    kept = "".join(c for c in f"{number}. {case.title}".lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def section(number, key, case, answers):
    yield f"## {number}. {case.title}"
    yield ""
    yield f"`{case.formula}`"
    yield ""
    yield "```text"
    for system in SYSTEMS:
        about, by_case = answers[system]
        for attempt in by_case[key]:
            if attempt["verdict"] == "none":
                yield f"{about['name']}: {attempt['text']}"
                continue
            idiom = attempt.get("label", "").split(" ")[0]
            idiom = f" ({idiom})" if idiom in ("indexed", "matrix", "explicit", "compiled") else ""
            note = f"; {attempt['note'].rstrip('.')}" if attempt["note"] else ""
            yield f"{about['name']}{idiom}: {WORDS[attempt['verdict']]}{note}"
            yield indented("    ", attempt["typed"])
            if attempt["text"]:
                yield indented("    -> ", trimmed(attempt["text"]))
    yield "```"
    yield ""


def indented(first, text):
    return "\n".join((first if at == 0 else " " * len(first)) + line if line else "" for at, line in enumerate(text.splitlines()))


def try_the_judge():
    """The judge has to accept what is right and refuse it bent by a hundredth in one entry, at every point of every case."""
    for key, case in cases.CASES.items():
        for _, data in case.data() if case.parts else ():
            right = case.answer(data) if case.kind != "kink" else [np.array(0.5)] * len(case.parts)
            assert case.accepts(data, right, 1e-4), f"{key}: what is right is refused"
            bent = [np.array(part, dtype=float) for part in right]
            bent[-1].flat[-1] += 1 if case.kind == "kink" else 0.01 * max(1, np.max(np.abs(bent[-1])))
            assert not case.accepts(data, bent, 1e-4), f"{key}: what is wrong is accepted"


def main():
    try_the_judge()
    if "--only" in sys.argv:
        about, by_case = records(sys.argv[sys.argv.index("--only") + 1])
        print(about["version"])
        for key, attempts in by_case.items():
            for attempt in attempts:
                print(f"{key}: {WORDS[attempt['verdict']]}; {attempt['note']}\n    {trimmed(attempt['text'])}")
        return
    answers = {}
    for system in SYSTEMS:
        print(f"asking {system}", file=sys.stderr, flush=True)
        answers[system] = records(system)
    versions = ", ".join(answers[s][0]["version"] for s in SYSTEMS)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    preambles = [f"- {answers[s][0]['name']}: {answers[s][0]['preamble']}." for s in SYSTEMS]
    introduction = (HERE / "introduction.md").read_text()
    parts = {"DATE": datetime.date.today().isoformat(), "VERSIONS": versions, "MACHINE": machine,
             "TABLE": "\n".join(table(answers)), "TOTALS": "\n".join(totals(answers)), "PREAMBLES": "\n".join(preambles)}
    for name, text in parts.items():
        introduction = introduction.replace(f"{{{name}}}", text)
    lines = [introduction]
    for number, (key, case) in enumerate(cases.CASES.items(), 1):
        lines.extend(section(number, key, case, answers))
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()

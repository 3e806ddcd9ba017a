"""Writes what the documentation says of the benchmarks from the results of runs, so that nobody copies a number by hand.

    publish.py FULL VARIANTS THREADS     # folders of three runs: run.sh; run.sh --variants; run.sh --threads 2

A folder may be several, parted by commas: of the same measurement in several runs the least counts, as of rounds.

Writes docs/peers.md and docs/ratios.svg, and the table between the marks of README.md.
"""

import sys
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN, END = "<!-- ratios: written by benches/peers/publish.py -->\n", "<!-- end of ratios -->"

HEAD = """# Rivals and us, as measured

Written by `benches/peers/publish.py` from three runs of `benches/peers/run.sh`; [benches/peers](../benches/peers/README.md)
has the workloads and the rules. A ratio is our time over the rival's in the same run: below 1 ours is faster. Why
some goals are missed stands in [performance.md](performance.md).
"""


def run(title, command, folders):
    """The section of a run: where it was made, its goals, every measurement."""
    rows = report.Rows(report.least(row for folder in folders for row in report.read(folder / "results.jsonl")))
    found = list(report.outcomes(rows))
    reached = f"{sum(o.met() for o in found)} of {len(found)} goals reached."
    lines = [f"## {title}", "", f"`{command}`: {(folders[0] / 'machine.txt').read_text().strip()}. {reached}", ""]
    lines += [report.goals_table(found, set()), ""]
    lines += [report.systems_table(rows), ""]
    if rows.errors:
        lines += ["What a rival could not do:", ""]
        lines += sorted({f"- {r['workload']} {r['metric']} {r['n']}, {r['system']}: {r['error']}" for r in rows.errors}) + [""]
    return found, "\n".join(lines)


def short(found):
    """Each goal at its worst size, without those that name no rival."""
    lines = ["| workload | what | size | our time to theirs | goal |", "|---|---|---|---|---|"]
    for o in report.worst(found):
        ratio, most = report.number(o.ratio), report.number(o.goal.most)
        ratio = f"**{ratio}**" if o.met() else ratio
        lines.append(f"| {o.goal.workload} | {o.goal.name} | {o.n} | {ratio} | {most} |")
    return "\n".join(lines) + "\n"


def main():
    full, variants, threads = ([Path(p) for p in a.split(",")] for a in sys.argv[1:4])
    found, first = run("Full sizes, one thread", "benches/peers/run.sh", full)
    _, second = run("Variants: other sizes, layers, activations", "benches/peers/run.sh --variants", variants)
    _, third = run("Two threads", "benches/peers/run.sh --threads 2", threads)
    (ROOT / "docs/peers.md").write_text("\n".join([HEAD, first, second, third]))
    (ROOT / "docs/ratios.svg").write_text(report.picture(found))
    readme = (ROOT / "README.md").read_text()
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    (ROOT / "README.md").write_text(f"{before}{BEGIN}{short(found)}{END}{after}")


main()

"""Sets the rows of one run side by side: the goals with their ratios, every measurement beside its rivals, a picture.

    report.py RESULTS.jsonl [FOLDER]     # writes goals.md, table.md and ratios.svg into the folder
"""

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from goals import GOALS

HAND = ("c_hand", "numpy_hand", "blas_syrk", "openblas_gemms_only")


def is_ours(system):
    return system.startswith("chainrule")


def least(rows):
    """Each measurement once: of several rounds or runs the one that took least."""
    kept = {}
    for row in rows:
        key = tuple(str(row[name]) for name in ("workload", "metric", "n", "system", "threads"))
        before = kept.get(key)
        if before is None or row.get("seconds_min", math.inf) < before.get("seconds_min", math.inf):
            kept[key] = row
    return list(kept.values())


class Rows:
    """Rows without an error, by workload, metric, size and threads."""

    def __init__(self, rows):
        self.by, self.errors = {}, []
        for row in rows:
            if "error" in row:
                self.errors.append(row)
                continue
            key = row["workload"], row["metric"], str(row["n"]), row["threads"]
            self.by.setdefault(key, {})[row["system"]] = row

    def best(self, key, wanted, field="seconds_min"):
        rows = [row for system, row in self.by.get(key, {}).items() if wanted(system) and row.get(field) is not None]
        return min(rows, key=lambda row: row[field], default=None)

    def differing(self):
        """Measurements of ours whose checksum is not that of the others, as sentences."""
        sentences = []
        for key, systems in self.by.items():
            others = [r["result_checksum"] for s, r in systems.items() if not is_ours(s) and r.get("result_checksum") is not None]
            for system, row in systems.items():
                found = row.get("result_checksum")
                if not is_ours(system) or found is None or not others:
                    continue
                tolerance = 1e-4 if key[1].endswith("f32") else 1e-7
                if not abs(found - others[0]) <= tolerance * max(1.0, abs(others[0])):
                    sentences.append(f"{' '.join(map(str, key))}: {system} answers {found}, {others[0]} is expected")
        return sentences


@dataclass
class Outcome:
    """A goal at one size."""

    goal: object
    n: str
    threads: int
    ratio: float
    rival: str

    def met(self):
        return self.ratio <= self.goal.most

    def label(self):
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        return f"{self.goal.workload} {self.goal.name} ({self.n}{threads})"


def outcomes(rows):
    """Every goal at every size that was measured on both sides."""
    for goal in GOALS:
        for workload, metric, n, threads in rows.by:
            if (workload, metric) != (goal.workload, goal.metric) or not goal.fits(n):
                continue
            ours = rows.best((workload, metric, n, threads), is_ours, goal.field)
            if ours is None:
                continue
            other = workload, goal.against or metric, n, threads
            if goal.systems:
                rival = rows.best(other, lambda s: s in goal.systems, goal.field)
            elif goal.against:
                rival = rows.best(other, is_ours, goal.field)
            else:
                rival = {goal.field: 1.0, "system": ""}
            if rival is not None:
                yield Outcome(goal, n, threads, ours[goal.field] / rival[goal.field], rival["system"])


def number(x):
    """Three significant digits; ratios below a half as one over how many times."""
    if x >= 0.5:
        return f"{x:.3g}" if x < 1000 else f"{x:.0f}"
    times = 1 / x
    return f"1/{times:.3g}" if times < 1000 else f"1/{round(times, 2 - int(math.log10(times))):.0f}"


def seconds(x):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if x >= scale:
            return f"{x / scale:.3g} {unit}"
    return f"{x / 1e-9:.3g} ns"


def shown(goal, value):
    return number(value) if goal.systems or goal.against else seconds(value)


def goals_table(found, workloads):
    """Every goal of the workloads that were run, with those that nothing was measured for."""
    lines = ["| workload | what | size | threads | ratio | goal | |", "|---|---|---|---|---|---|---|"]
    for o in found:
        mark = "reached" if o.met() else "missed"
        ratio, most = (shown(o.goal, x) for x in (o.ratio, o.goal.most))
        lines.append(f"| {o.goal.workload} | {o.goal.name} | {o.n} | {o.threads} | {ratio} | {most} | {mark} |")
    for goal in GOALS:
        if goal.workload in workloads and all(o.goal != goal for o in found):
            most = shown(goal, goal.most)
            lines.append(f"| {goal.workload} | {goal.name} | {goal.sizes} | | | {most} | not measured |")
    return "\n".join(lines)


def systems_table(rows):
    lines = ["| workload | metric | size | threads | ours | to the best by hand | to the best rival |", "|---|---|---|---|---|---|---|"]
    for key in rows.by:
        ours = rows.best(key, is_ours)
        if ours is None:
            continue
        cells = []
        for wanted in (lambda s: s in HAND, lambda s: s not in HAND and not is_ours(s)):
            rival = rows.best(key, wanted)
            cells.append(f"{number(ours['seconds_min'] / rival['seconds_min'])} ({rival['system']})" if rival else "")
        lines.append(f"| {' | '.join(map(str, key))} | {seconds(ours['seconds_min'])} | {' | '.join(cells)} |")
    return "\n".join(lines)


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def worst(found):
    """Of a goal that holds for several sizes the worst of them; absolute ones have no ratio and are left out."""
    kept = {}
    for o in found:
        if o.goal.systems or o.goal.against:
            key = o.goal.workload, o.goal.name, o.threads
            if key not in kept or o.ratio / o.goal.most > kept[key].ratio / kept[key].goal.most:
                kept[key] = o
    return list(kept.values())


def picture(found):
    """A bar for each goal, from ratio 1 to the ratio, on a logarithmic axis; a stroke at the goal."""
    bars = worst(found)
    if not bars:
        return None
    left, width, row, top = 430, 420, 22, 46
    values = [x for o in bars for x in (o.ratio, o.goal.most)] + [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    height = top + row * len(bars) + 34

    def at(x):
        return left + width * (math.log10(x) - low) / max(high - low, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<style>text{fill:#333}.axis{stroke:#999}.one{stroke:#333}.goal{stroke:#111;stroke-width:2.5}"
        ".reached{fill:#2a7f9e}.missed{fill:#d98a2b}@media(prefers-color-scheme:dark){text{fill:#ddd}"
        ".axis{stroke:#666}.one{stroke:#ddd}.goal{stroke:#fff}}</style>",
        '<text x="8" y="18" font-size="14">Our time as a ratio to the rival of each goal; further to the left is faster</text>',
        f'<rect class="reached" x="8" y="26" width="12" height="10"/><text x="24" y="35">goal reached</text>'
        '<rect class="missed" x="110" y="26" width="12" height="10"/><text x="126" y="35">goal missed</text>'
        '<line class="goal" x1="212" x2="212" y1="24" y2="38"/><text x="220" y="35">goal</text>',
    ]
    bottom = top + row * len(bars)
    for power in range(low, high + 1):
        x, mark = at(10.0**power), "one" if power == 0 else "axis"
        label = "1" if power == 0 else f"{10**power}" if power > 0 else f"1/{10**-power}"
        lines.append(f'<line class="{mark}" x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{bottom}" stroke-width="0.7"/>')
        lines.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
    for k, o in enumerate(bars):
        y, a, b = top + row * k, at(min(o.ratio, 1.0)), at(max(o.ratio, 1.0))
        lines.append(f'<text x="{left - 12}" y="{y + 14}" text-anchor="end">{escaped(o.label())}</text>')
        kind = "reached" if o.met() else "missed"
        lines.append(f'<rect class="{kind}" x="{a:.1f}" y="{y + 4}" width="{max(b - a, 1):.1f}" height="{row - 9}"/>')
        goal = at(o.goal.most)
        lines.append(f'<line class="goal" x1="{goal:.1f}" x2="{goal:.1f}" y1="{y + 1}" y2="{y + row - 2}"/>')
        lines.append(f'<text x="{left + width + 14}" y="{y + 14}">{number(o.ratio)}</text>')
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.startswith("{")]


def write(rows, folder):
    """Prints both tables, writes them and the picture, and answers whether every checksum agrees."""
    rows, folder = Rows(rows), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    found, workloads = list(outcomes(rows)), {key[0] for key in rows.by}
    tables = {"goals.md": goals_table(found, workloads), "table.md": systems_table(rows)}
    for name, table in tables.items():
        (folder / name).write_text(table + "\n")
        print(table, end="\n\n")
    drawn = picture(found)
    if drawn:
        (folder / "ratios.svg").write_text(drawn)
    for row in rows.errors:
        print(f"{row['workload']} {row['metric']} {row['n']} {row['system']}: {row['error']}", file=sys.stderr)
    differing = rows.differing()
    for sentence in differing:
        print(f"checksum: {sentence}", file=sys.stderr)
    print(f"{sum(o.met() for o in found)} of {len(found)} goals reached; written to {folder}")
    return not differing


if __name__ == "__main__":
    sys.exit(not write(read(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "."))

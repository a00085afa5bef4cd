"""Makes alarm-budget.json: allowances and discoveries as their definitions say them.

    pip install -r requirements.txt && python make_alarm_budget.py

An allowance is computed from the list of all starts and ends so far, and the largest consistent set of discoveries by trying
every size. e-BH is statsmodels' Benjamini-Hochberg procedure on 1/e.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
from statsmodels.stats.multitest import multipletests

from make_harm import DAY, YEAR, encode

random = np.random.default_rng(20240502)


def year_of(day):
    return math.floor(day * DAY / YEAR)


def allowances():
    """Starts and ends over three years: what each start gets, as the definition says it, from the list of all spells."""
    events = [("start", "a", 0), ("start", "b", 30), ("end", "a", 30), ("start", "c", 60), ("end", "b", 60)]
    events += [("start", "d", 400), ("end", "c", 410), ("start", "e", 420), ("start", "f", 800)]
    events += [("end", "f", 801 + 0.5 * k) if k % 2 == 0 else ("start", "f", 801 + 0.5 * k) for k in range(8)]
    got, given, ends = [], [], {}
    for kind, name, day in events:
        if kind == "end":
            ends[max(k for k, spell in enumerate(given) if spell[0] == name)] = day
            continue
        year = year_of(day)
        before = sum(share for k, (_, began, share) in enumerate(given) if year_of(began) < year and not (k in ends and year_of(ends[k]) < year))
        this_year = [share for _, began, share in given if year_of(began) == year]
        share = (0.1 - before - sum(this_year)) / (len(this_year) + 2)
        given.append((name, day, share))
        got.append(share)
    return {"yearly": 0.1, "events": [[kind, name, day * DAY] for kind, name, day in events], "allowances": got}


def decide(kind, names, values, before, unit):
    """The largest set of the strongest tests that is consistent with the number of quantities discovered through it."""
    tested = [k for k in range(len(names)) if not np.isnan(values[k])]
    with np.errstate(divide="ignore"):
        doubt = np.array(values) if kind == "pValues" else 1 / np.array(values)
    order = sorted(tested, key=lambda k: doubt[k])
    level = lambda r: unit * (r if kind == "eValues" else sum(1 / i for i in range(1, r + 2)) - 1)
    for size in range(len(order), -1, -1):
        chosen = order[:size]
        r = len(before | {names[k] for k in chosen})
        if all(doubt[k] <= level(r) for k in chosen):
            return [names[k] for k in sorted(chosen)], before | {names[k] for k in chosen}, level(max(1, r)) if tested else None
    raise AssertionError


def discoveries():
    streams = []
    for kind in ("pValues", "eValues"):
        alpha, year, used, found_before, windows = 0.4, 0.0, 0.0, set(), []
        at = 5.0
        for w in range(24):
            at += float(random.choice([0, 0, 10]))
            length = float(random.choice([1, 7, 30, 90]))
            names = [f"x{k}" for k in range(int(random.integers(1, 9)))]
            values = 10 ** -random.uniform(0, 2, len(names))
            drifted = random.uniform(size=len(names)) < 0.35
            values = np.where(drifted, values * 10 ** -random.uniform(0, 5, len(names)), values)
            if kind == "eValues":
                values = 0.2 / values
            values = np.array([float(f"{value:.4g}") for value in values])
            if w == 3:
                values[0] = 0 if kind == "pValues" else np.inf
            if w in (4, 9):
                values[0] = np.nan
            if w == 6:
                values[:] = values[0]
            if w == 8:
                values[:] = np.nan
            began = math.floor(at * DAY / YEAR) * YEAR
            if began > year:
                year, used, found_before = began, 0.0, set()
            share = min(1 - used, length * DAY / YEAR)
            used += share
            found, found_before, level = decide(kind, names, values, found_before, alpha * share / len(names))
            tests = {"fromMs": at * DAY, "untilMs": (at + length) * DAY, "quantities": names, "values": values}
            windows.append({**tests, "found": found, "level": level, "discovered": sorted(found_before)})
            at += length
        streams.append({"kind": kind, "alpha": alpha, "windows": windows})
    single = []
    for alpha in (0.05, 0.3):
        values = np.array([float(f"{value:.4g}") for value in 10 ** random.uniform(-1, 3, 25)])
        single.append({"alpha": alpha, "values": values, "rejected": multipletests(1 / values, alpha=alpha, method="fdr_bh")[0]})
    return {"streams": streams, "eBenjaminiHochberg": single}


if __name__ == "__main__":
    reference = {"madeWith": {name: version(name) for name in ("numpy", "statsmodels")}, "allowances": allowances(), "discoveries": discoveries()}
    Path(__file__).with_name("alarm-budget.json").write_text(json.dumps(encode(reference), separators=(",", ":")) + "\n")

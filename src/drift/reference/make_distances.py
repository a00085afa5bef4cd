"""Makes distances.json: what SciPy and NumPy say about pairs of small samples, numbers and categories.

    pip install -r requirements.txt && python make_distances.py

Deciles and bins are numpy.quantile's and numpy.histogram's (closed on the left). Values are rounded so that they are short;
missing ones are written as "NaN", infinities as "Infinity" and "-Infinity".
"""

import json
import math
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon

EMPTY = 1e-4
SHARES = np.arange(1, 10) / 10
NUMBERS = {math.inf: "Infinity", -math.inf: "-Infinity"}


def written(value):
    if value is None or math.isnan(value):
        return "NaN" if value is not None else None
    return NUMBERS.get(value, float(value))


def psi(reference, current):
    p, q = reference / reference.sum(), current / current.sum()
    p, q = np.where(p == 0, EMPTY, p), np.where(q == 0, EMPTY, q)
    return float(np.sum((q - p) * np.log(q / p)))


def numeric(reference, current):
    present, others = reference[~np.isnan(reference)], current[~np.isnan(current)]
    case = {"reference": [written(v) for v in reference], "current": [written(v) for v in current]}
    finite = present[np.isfinite(present)]
    edges = np.unique(np.quantile(finite, SHARES) + 0.0) if len(finite) else np.array([])
    if len(present) == 0 or len(others) == 0:
        return case | {"expected": {"psi": None, "jensenShannon": None, "ks": None, "wasserstein": None}}
    bins = np.concatenate([[-np.inf], edges, [np.inf]])
    # numpy closes the last bin on both sides, and takes no infinite value into an open one.
    counts = [np.bincount(np.searchsorted(bins[1:-1], values, side="right"), minlength=len(edges) + 1) for values in (present, others)]
    ks = stats.ks_2samp(present, others, method="auto")
    infinite = not (np.isfinite(present).all() and np.isfinite(others).all())
    return case | {
        "expected": {
            "edges": edges.tolist(),
            "psi": psi(*counts),
            "jensenShannon": float(jensenshannon(*[c / c.sum() for c in counts], base=2)),
            "ks": {"statistic": float(ks.statistic), "pValue": float(ks.pvalue)},
            "wasserstein": None if infinite else float(stats.wasserstein_distance(present, others)),
        }
    }


def category(reference, current):
    known = sorted(reference)
    names = known + sorted(set(current) - set(known))
    counts = [np.array([side.get(name, 0) for name in names], float) for side in (reference, current)]
    case = {"reference": reference, "current": current}
    if any(c.sum() == 0 for c in counts):
        return case | {"expected": {"psi": None, "jensenShannon": None, "chiSquared": None}}
    table = np.array([c for c in np.array(counts).T if c.sum() > 0]).T
    test = stats.chi2_contingency(table, correction=False) if table.shape[1] > 1 else None
    return case | {
        "expected": {
            "psi": psi(*counts),
            "jensenShannon": float(jensenshannon(*[c / c.sum() for c in counts], base=2)),
            "chiSquared": test and {"statistic": float(test.statistic), "degreesOfFreedom": int(test.dof), "pValue": float(test.pvalue)},
        }
    }


def with_missing(values, rng, share):
    return np.where(rng.random(len(values)) < share, np.nan, values)


rng = np.random.default_rng(20261122)
normal = lambda n, shift=0.0: np.round(rng.normal(shift, 1, n), 5)  # noqa: E731
numbers = {
    "the same distribution": (normal(300), normal(250)),
    "a shift": (normal(300), normal(250, 0.4)),
    "far apart": (normal(60), normal(70, 50)),
    "the same values": (values := normal(200), values),
    "whole numbers": (rng.integers(0, 7, 300).astype(float), rng.integers(0, 7, 200).astype(float)),
    "negative whole numbers": (-rng.integers(0, 5, 300).astype(float), -rng.integers(0, 6, 200).astype(float)),
    "ties at tenths": (np.round(rng.normal(size=300), 1), np.round(rng.normal(0.1, 1, 280), 1)),
    "missing values": (with_missing(normal(300), rng, 0.3), with_missing(normal(200), rng, 0.1)),
    "infinite values": (np.append(normal(100), [np.inf, -np.inf, np.inf]), np.append(normal(90), [-np.inf])),
    "infinite values alone": (np.array([np.inf, np.inf]), np.array([-np.inf, 1.0])),
    "heavy tails": (np.round(rng.lognormal(5, 4, 250), 4), np.round(rng.lognormal(5, 4.2, 250), 4)),
    "many magnitudes": (np.round(rng.normal(size=150), 3) * 10.0 ** rng.integers(-30, 30, 150), np.round(rng.normal(size=150), 3) * 10.0 ** rng.integers(-30, 30, 150)),
    "large numbers close together": (1.5e9 + np.round(rng.random(200), 4), 1.5e9 + np.round(rng.random(200), 4)),
    "zeros of both signs and the smallest numbers": (np.array([0.0, -0.0, 5e-324, -5e-324, 1.0, 2.0]), np.array([-0.0, 0.0, -5e-324, 3.0])),
    "constant": (np.full(50, 3.25), np.full(40, 3.25)),
    "constant, then another": (np.full(50, 3.25), np.full(40, -7.0)),
    "constant, then spread": (np.zeros(50), normal(40)),
    "mostly zero": (np.where(rng.random(300) < 0.95, 0, np.round(rng.exponential(size=300), 3)), np.where(rng.random(300) < 0.9, 0, np.round(rng.exponential(size=300), 3))),
    "one row": (normal(200), np.array([0.3])),
    "one row each": (np.array([1.0]), np.array([2.0])),
    "an empty window": (normal(20), np.array([])),
    "nothing but missing": (normal(20), np.array([np.nan, np.nan])),
    "an empty baseline": (np.array([]), normal(20)),
}
categories = {
    "the same shares": ({"a": 100, "b": 50, "c": 25}, {"a": 80, "b": 40, "c": 20}),
    "other shares": ({"a": 100, "b": 50, "c": 25}, {"a": 20, "b": 90, "c": 31}),
    "a new one": ({"a": 100, "b": 50}, {"a": 70, "b": 41, "z": 9}),
    "one is gone": ({"a": 100, "b": 50, "c": 25}, {"a": 70, "b": 41}),
    "nothing in common": ({"a": 10}, {"b": 12}),
    "one category": ({"a": 10}, {"a": 12}),
    "one row": ({"a": 10, "b": 3}, {"b": 1}),
    "an empty window": ({"a": 10, "b": 3}, {}),
    "many": ({f"v{i}": int(n) for i, n in enumerate(rng.integers(1, 90, 120))}, {f"v{i}": int(n) for i, n in enumerate(rng.integers(1, 90, 130))}),
}

document = {
    "numbers": {name: numeric(*(np.asarray(side, float) for side in pair)) for name, pair in numbers.items()},
    "categories": {name: category(*pair) for name, pair in categories.items()},
}
Path(__file__).with_name("distances.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")

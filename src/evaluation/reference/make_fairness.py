"""Makes fairness.json: what fairlearn, scikit-learn and statsmodels say about small data sets with protected groups.

    pip install -r requirements.txt && python make_fairness.py

Rates and disparities are fairlearn's and scikit-learn's. Wilson's intervals are statsmodels' `proportion_confint`, those of a
difference its `confint_proportions_2indep(method="newcomb")` with alpha over the number of pairs; those of a ratio are found by
their definition (share_intervals.py). Variances with blocks are those of a regression on the groups with cluster-robust
covariance (statsmodels' OLS).

Inputs are strings with a character for each row: decisions and labels 0 or 1, a label ? where it is not known, groups and blocks
a letter (a = 0), a group - where it is not known. Rates are [value, low, high]; Infinity is written as a string.
"""

import json
import warnings
from itertools import combinations
from pathlib import Path

import fairlearn
import numpy as np
import sklearn
import statsmodels
import statsmodels.api as sm
from fairlearn.metrics import MetricFrame, demographic_parity_difference, demographic_parity_ratio, equalized_odds_difference
from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate
from scipy import stats
from share_intervals import difference, pair_grid, ratio, wilson, wilson_grid
from sklearn.metrics import accuracy_score
from statsmodels.stats.proportion import confint_proportions_2indep

RATES = {"selectionRate": selection_rate, "adverseActionRate": selection_rate, "accuracy": accuracy_score,
         "truePositiveRate": true_positive_rate, "falsePositiveRate": false_positive_rate}
DISPARITIES = {
    "demographicParityRatio": ("ratio", ["selectionRate"]),
    "demographicParityDifference": ("difference", ["selectionRate"]),
    "equalizedOddsDifference": ("difference", ["truePositiveRate", "falsePositiveRate"]),
    "adverseActionRatio": ("ratio", ["adverseActionRate"]),
    "adverseActionDifference": ("difference", ["adverseActionRate"]),
    "accuracyDifference": ("difference", ["accuracy"]),
}


def rows_of(rate, d, y, favourable):
    """Which rows a rate is a share of, and the decision and label that fairlearn is to see for it."""
    if rate == "selectionRate":
        return np.ones(len(d), bool), (d == favourable).astype(int), np.zeros(len(d), int)
    if rate == "adverseActionRate":
        return np.ones(len(d), bool), (d != favourable).astype(int), np.zeros(len(d), int)
    keep = {"truePositiveRate": y == 1, "falsePositiveRate": y == 0, "accuracy": ~np.isnan(y)}[rate]
    return keep, d, np.where(np.isnan(y), 0, y).astype(int)


class Rate:
    """One rate in every group: values by fairlearn, and what the intervals need."""

    def __init__(self, rate, d, y, codes, blocks, favourable):
        keep, said, was = rows_of(rate, d, y, favourable)
        keep &= codes >= 0
        self.codes, self.blocks = codes[keep], None if blocks is None else blocks[keep]
        self.present = [int(g) for g in np.unique(self.codes)]
        self.trials = {g: int((self.codes == g).sum()) for g in self.present}
        frame = MetricFrame(metrics=RATES[rate], y_true=was[keep], y_pred=said[keep], sensitive_features={"group": self.codes.tolist()}) if keep.any() else None
        self.share = {g: float(frame.by_group[g]) for g in self.present}
        happened = said == was if rate == "accuracy" else said == 1
        if blocks is not None and keep.any():
            self.cluster(happened[keep].astype(float))

    def cluster(self, x):
        """Covariance of the groups' shares by block, without any factor for small samples."""
        dummies = np.array([self.codes == g for g in self.present]).T.astype(float)
        numbers = np.unique(self.blocks, return_inverse=True)[1]
        fit = sm.OLS(x, dummies).fit(cov_type="cluster", cov_kwds={"groups": numbers, "use_correction": False})
        self.covariance = np.asarray(fit.cov_params())
        self.count = {g: len(np.unique(self.blocks[self.codes == g])) for g in self.present}
        effects = {}
        for at, g in enumerate(self.present):
            p, n, count = self.share[g], self.trials[g], self.count[g]
            if 0 < p < 1 and count > 1:
                effects[g] = max(1.0, self.covariance[at, at] * count / (count - 1) / (p * (1 - p) / n))
        largest = max(effects.values(), default=None)
        self.effective = {g: self.count[g] if largest is None else self.trials[g] / effects.get(g, largest) for g in self.present}

    def interval(self, g, alpha):
        if self.blocks is None:
            return wilson(self.share[g], self.trials[g], stats.norm.isf(alpha / 2))
        if self.count[g] < 2:
            return [None, None]
        return wilson(self.share[g], self.effective[g], stats.t.isf(alpha / 2, self.count[g] - 1))

    def correlation(self, g, h):
        if self.blocks is None:
            return 0.0
        scale = np.sqrt(np.prod([self.share[k] * (1 - self.share[k]) / self.effective[k] for k in (g, h)]))
        count = len(np.unique(self.blocks[(self.codes == g) | (self.codes == h)]))
        if scale == 0 or count < 2:
            return 0.0
        covariance = self.covariance[self.present.index(g), self.present.index(h)] * count / (count - 1)
        return float(np.clip(covariance / scale, -1, 1))

    def difference(self, g, h, alpha):
        (gl, gh), (hl, hh) = self.interval(g, alpha), self.interval(h, alpha)
        if gl is None or hl is None:
            return -1.0, 1.0
        if self.blocks is None:
            counts = [round(self.share[k] * self.trials[k]) for k in (g, h)]
            bounds = confint_proportions_2indep(counts[0], self.trials[g], counts[1], self.trials[h], method="newcomb", alpha=alpha)
            return float(bounds[0]), float(bounds[1])
        return difference(self.share[g], gl, gh, self.share[h], hl, hh, self.correlation(g, h))

    def ratio(self, g, h, alpha):
        (gl, gh), (hl, hh) = self.interval(g, alpha), self.interval(h, alpha)
        if gl is None or hl is None:
            return 0.0, np.inf
        return ratio(self.share[g], gl, gh, self.share[h], hl, hh, self.correlation(g, h))


def disparity(kind, rates, names, frames, compared, alpha):
    groups = [[g for g in frame.present if g in compared] for frame in frames]
    if min(map(len, groups)) < 2:
        return None
    if kind == "ratio" and all(frames[0].share[g] == 0 for g in groups[0]):
        return None
    pairs = [(frame, g, h) for frame, members in zip(frames, groups) for g, h in combinations(members, 2)]
    level = alpha / len(pairs)
    if kind == "difference":
        values = [max(f.share[g] for g in m) - min(f.share[g] for g in m) for f, m in zip(frames, groups)]
        bounds = [b for f, g, h in pairs for b in (f.difference(g, h, level), f.difference(h, g, level))]
        entry = {"value": max(values), "low": max(0.0, max(b[0] for b in bounds)), "high": max(b[1] for b in bounds)}
    else:
        values = [min(f.share[g] for g in m) / max(f.share[g] for g in m) for f, m in zip(frames, groups)]
        bounds = [b for f, g, h in pairs for b in (f.ratio(g, h, level), f.ratio(h, g, level))]
        entry = {"value": min(values), "low": min(b[0] for b in bounds), "high": min(1.0, min(b[1] for b in bounds))}
    at = int(np.argmax(values))
    shares = {g: frames[at].share[g] for g in groups[at]}
    # A single value in all groups leaves it to chance which two are named; the first two are.
    if len(set(shares.values())) == 1:
        highest, lowest = groups[at][:2]
    else:
        highest, lowest = max(shares, key=shares.get), min(shares, key=shares.get)
    return entry | {"rate": rates[at], "highest": names[highest], "lowest": names[lowest], "pairs": len(pairs)}


def by_fairlearn(d, y, codes, compared, favourable):
    """Disparities by fairlearn's own functions, where the definitions agree: they call a rate of no rows 0, and a ratio of zeros NaN."""
    keep = np.isin(codes, list(compared))
    if len(compared) < 2:
        return {}
    chosen, groups = (d == favourable).astype(int)[keep], codes[keep]
    found = {"demographicParityDifference": demographic_parity_difference(chosen, chosen, sensitive_features=groups)}
    if chosen.any():
        found["demographicParityRatio"] = demographic_parity_ratio(chosen, chosen, sensitive_features=groups)
    known = keep & ~np.isnan(y)
    if all({0.0, 1.0} <= set(y[known & (codes == g)]) for g in compared):
        found["equalizedOddsDifference"] = equalized_odds_difference(y[known], d[known], sensitive_features=codes[known])
    return {name: float(value) for name, value in found.items()}


def measurement(columns, d, y, blocks, favourable, alpha, least):
    """Of one column, or of several crossed: groups are tuples of names."""
    tuples = [tuple(c["names"][code[row]] if code[row] >= 0 else None for c, code in columns) for row in range(len(d))]
    order = {name: index for c, _ in columns for index, name in enumerate(c["names"])}
    names = sorted({t for t in tuples if None not in t}, key=lambda t: [order[name] for name in t])
    codes = np.array([names.index(t) if None not in t else -1 for t in tuples], dtype=int)
    frames = {rate: Rate(rate, d, y, codes, blocks, favourable) for rate in RATES}
    compared = {g for g in range(len(names)) if (codes == g).sum() >= least}
    groups = []
    for g, name in enumerate(names):
        rates = {rate: [f.share[g], *f.interval(g, alpha)] if g in f.share else None for rate, f in frames.items()}
        groups.append({"group": name, "rows": int((codes == g).sum()), "labelledRows": int((~np.isnan(y[codes == g])).sum()),
                       "tooSmall": g not in compared, **rates})
    found = {key: disparity(kind, rates, names, [frames[rate] for rate in rates], compared, alpha) for key, (kind, rates) in DISPARITIES.items()}
    return {
        "columns": [c["column"] for c, _ in columns], "unknownRows": int((codes < 0).sum()), "groups": groups, "disparities": found,
        "fairlearn": by_fairlearn(d, y, codes, compared, favourable),
    }


def letters(codes):
    return "".join("-" if code < 0 else chr(ord("a") + code) for code in codes)


def case(name, d, y, columns, blocks=None, favourable=1, alpha=0.05, least=20, crossings=()):
    """`columns` by name: the groups' names and codes. y may be None."""
    d, labels = np.asarray(d, dtype=int), np.full(len(d), np.nan) if y is None else np.asarray(y, dtype=float)
    named = {column: ({"column": column, "names": names}, np.asarray(codes, dtype=int)) for column, (names, codes) in columns.items()}
    chosen = [[column] for column in named] + [list(crossing) for crossing in crossings]
    made = [measurement([named[column] for column in names], d, labels, blocks, favourable, alpha, least) for names in chosen]
    return {
        "name": name, "favourable": favourable, "alpha": alpha, "leastGroupRows": least, "crossings": [list(c) for c in crossings],
        "decisions": "".join(map(str, d)),
        "labels": None if y is None else "".join("?" if np.isnan(label) else str(int(label)) for label in labels),
        "blocks": None if blocks is None else letters(blocks),
        "columns": [{"column": column, "groups": names, "codes": letters(codes)} for column, (names, codes) in columns.items()],
        "expected": made,
    }


def decided(rng, codes, base, tilt):
    """Labels with chance `base`, and decisions that agree with them by group: tilt shifts the chance of decision 1."""
    y = (rng.random(len(codes)) < base).astype(float)
    chance = np.clip(0.25 + 0.5 * y + np.asarray(tilt)[codes], 0, 1)
    return (rng.random(len(codes)) < chance).astype(int), y


def cases():
    rng = np.random.default_rng(20240811)
    two, five = ["F", "M"], ["A", "B", "C", "D", "E"]

    codes = rng.integers(0, 2, 300)
    d, y = decided(rng, codes, 0.4, [-0.15, 0.1])
    yield case("two groups", d, y, {"sex": (two, codes)}, least=100)
    yield case("two groups, 0 is favourable", d, y, {"sex": (two, codes)}, favourable=0, alpha=0.1)

    codes = rng.choice(5, 450, p=[0.4, 0.25, 0.15, 0.12, 0.08])
    d, y = decided(rng, codes, 0.3, [0, 0.05, -0.1, 0.1, -0.2])
    yield case("five groups", d, y, {"race": (five, codes)})
    yield case("five groups, three of them too small", d, y, {"race": (five, codes)}, least=100, alpha=0.01)
    yield case("five groups without labels", d, None, {"race": (five, codes)})
    partly = np.where(rng.random(450) < 0.6, np.nan, y)
    yield case("five groups with most labels missing", d, partly, {"race": (five, codes)})
    yield case("one group has no label", d, np.where(codes == 2, np.nan, y), {"race": (five, codes)})
    yield case("every label missing", d, np.full(450, np.nan), {"race": (five, codes)})
    yield case("a group without positives", d, np.where(codes == 3, 0, y), {"race": (five, codes)})
    yield case("a group without negatives", d, np.where(codes == 1, 1, y), {"race": (five, codes)})
    yield case("positives in one group only", d, np.where(codes == 0, y, 0), {"race": (five, codes)})
    yield case("one group is never chosen", np.where(codes == 4, 0, d), y, {"race": (five, codes)})
    yield case("one group is always chosen", np.where(codes == 4, 1, d), y, {"race": (five, codes)})
    yield case("every decision is 1", np.ones(450, int), y, {"race": (five, codes)})
    yield case("every decision is 0", np.zeros(450, int), y, {"race": (five, codes)})
    yield case("decisions are the labels", y.astype(int), y, {"race": (five, codes)})

    unknown = np.where(rng.random(450) < 0.2, -1, codes)
    sex = rng.choice([-1, 0, 1], 450, p=[0.05, 0.45, 0.5])
    age = rng.choice(3, 450, p=[0.5, 0.3, 0.2])
    # No woman is of race E: that group of the crossing does not exist.
    unknown = np.where((sex == 0) & (unknown == 4), 0, unknown)
    columns = {"sex": (two, sex), "race": (five, unknown), "age": (["<30", "30-60", ">60"], age)}
    yield case("crossings and unknown groups", d, partly, columns, crossings=[("sex", "race"), ("age", "race", "sex")])
    yield case("no group is known", d[:30], y[:30], {"sex": (two, np.full(30, -1))})

    tied = np.repeat([0, 1, 2], 40)
    yield case("all groups equal", np.tile([1, 0, 1, 1], 30), np.tile([1, 0, 0, 1, 1, 0, 1, 0], 15), {"group": (["x", "y", "z"], tied)})
    ends = [0, 1] * 20 + [1] * 40
    yield case("two groups tie at either end", ends, [0, 1, 1, 1] * 20, {"group": (["p", "q", "r", "s"], np.repeat(range(4), 20))})
    yield case("one group", d[:50], y[:50], {"group": (["all"], np.zeros(50, int))})
    yield case("all groups too small", d[:12], y[:12], {"group": (["x", "y"], np.tile([0, 1], 6))})
    yield case("groups of one row", [1, 0, 1], [1, 1, 0], {"group": (["x", "y", "z"], [0, 1, 2])}, least=1)
    yield case("one row", [1], [0], {"group": (["x", "y"], [1])}, least=1)
    yield case("no rows", [], [], {"group": (["x", "y"], []), "other": (["z"], [])}, crossings=[("group", "other")])

    n, blocks = 700, np.sort(rng.integers(0, 24, 700))
    day = rng.normal(0, 0.2, 24)[blocks]
    codes = rng.choice(5, n, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    y = (rng.random(n) < 0.4 + day / 2).astype(float)
    own = rng.normal(0, 0.15, (5, 24))[codes, blocks]
    d = (rng.random(n) < 0.3 + 0.4 * y + day + own).astype(int)
    sex = rng.integers(0, 2, n)
    yield case("blocks", d, y, {"race": (five, codes), "sex": (two, sex)}, blocks=blocks)
    yield case("blocks with labels missing", d, np.where(rng.random(n) < 0.5, np.nan, y), {"race": (five, codes)}, blocks=blocks, favourable=0, alpha=0.2)
    yield case("blocks, one group never chosen", np.where(codes == 2, 0, d), y, {"race": (five, codes)}, blocks=blocks)
    yield case("blocks, no decision differs", np.ones(n, int), y, {"race": (five, codes)}, blocks=blocks)
    yield case("a group in a single block", d, y, {"race": (five, np.where(blocks == 7, 4, np.minimum(codes, 3)))}, blocks=blocks)
    against = np.where(sex == 1, rng.random(n) < 0.5 + 2 * day, rng.random(n) < 0.5 - 2 * day).astype(int)
    yield case("blocks that move groups against each other", against, y, {"sex": (two, sex)}, blocks=blocks)
    yield case("blocks that move groups together", (rng.random(n) < 0.1 + np.abs(day)).astype(int), y, {"sex": (two, sex)}, blocks=blocks)
    yield case("one block", d[:80], y[:80], {"sex": (two, sex[:80])}, blocks=np.zeros(80, int))


def encoded(value):
    """JSON has no Infinity."""
    if isinstance(value, dict):
        return {key: encoded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(each) for each in value]
    return "Infinity" if isinstance(value, float) and value == np.inf else value


def main():
    warnings.simplefilter("ignore")
    made_with = {"fairlearn": fairlearn.__version__, "scikit-learn": sklearn.__version__, "statsmodels": statsmodels.__version__, "numpy": np.__version__}
    reference = {"madeWith": made_with, "wilson": list(wilson_grid()), "pairs": list(pair_grid()), "cases": list(cases())}
    Path(__file__).with_name("fairness.json").write_text(json.dumps(encoded(reference), allow_nan=False) + "\n")


if __name__ == "__main__":
    main()

"""Makes loss-attribution.json: what NumPy, SciPy and statsmodels say of the rise of a mean loss over the bins of features.

    pip install -r requirements.txt && python make_loss_attribution.py

Bins are numpy.quantile's deciles. Tails are SciPy's; that the test of uneven rises is Welch's is checked against statsmodels' below.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from statsmodels.stats.oneway import anova_oneway

random = np.random.default_rng(20261122)
PRIOR, EFFECTIVE, FEWEST_BLOCKS, FEWEST_BIN_ROWS = 10, 20, 8, 30
DECILES = np.arange(1, 10) / 10


def welch(rises, variances, freedoms):
    """Welch's F, its degrees of freedom."""
    k, w = len(rises), 1 / np.asarray(variances)
    shares = w / w.sum()
    q = (w * (rises - (shares * rises).sum()) ** 2).sum()
    doubt = ((1 - shares) ** 2 / freedoms).sum()
    return q / (k - 1) / (1 + 2 * (k - 2) / (k**2 - 1) * doubt), k - 1, (k**2 - 1) / (3 * doubt)


groups = [random.normal(0, scale, n) for scale, n in ((1, 9), (2, 14), (0.5, 30))]
mine = welch(np.array([g.mean() for g in groups]), [g.var(ddof=1) / len(g) for g in groups], np.array([len(g) - 1 for g in groups]))
theirs = anova_oneway(groups, use_var="unequal", welch_correction=True)
assert np.allclose(mine, (theirs.statistic, *theirs.df)), (mine, theirs)
assert np.isclose(stats.f.sf(*mine), theirs.pvalue)


def bins_of(values, edges):
    """The bin of each number; those without a value come last."""
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


class Side:
    """Losses of one side in bins."""

    def __init__(self, bins, count, losses, blocks):
        self.all = len(losses)
        self.rows = np.bincount(bins, minlength=count).astype(float)
        self.means = np.array([losses[bins == b].mean() if (bins == b).any() else 0 for b in range(count)])
        self.squares = np.array([((losses[bins == b] - self.means[b]) ** 2).sum() for b in range(count)])
        self.mean = losses.mean()
        if blocks is None:
            self.together, self.all_together = np.ones(count), 1.0
        else:
            # Of each row, those of its block and bin, and those of its block.
            same = np.array([((blocks == k) & (bins == b)).sum() for k, b in zip(blocks, bins)])
            self.together = np.array([same[bins == b].mean() if (bins == b).any() else 0 for b in range(count)])
            self.all_together = np.array([(blocks == k).sum() for k in blocks]).mean()


def correlation(bins, count, losses, blocks):
    """Intraclass correlations of losses and of membership, and the degrees of freedom of the first."""
    if blocks is None:
        return {"losses": 0, "membership": 0, "degreesOfFreedom": None}
    names = np.unique(blocks)
    if len(names) < FEWEST_BLOCKS:
        return None
    excess = pairs = freedom = 0
    for b in range(count):
        own = losses[bins == b]
        if len(own) < FEWEST_BIN_ROWS or own.var() == 0:
            continue
        cells = [losses[(bins == b) & (blocks == k)] for k in names]
        freedom += sum(len(c) > 0 for c in cells) - 1
        for c in cells:
            free = 1 - len(c) / len(own)
            excess += (c - own.mean()).sum() ** 2 / own.var(ddof=1) - free * len(c)
            pairs += free * len(c) * (len(c) - 1)
    of_losses = np.clip(excess / pairs, 0, 1)
    table = np.array([[((bins == b) & (blocks == k)).sum() for b in np.unique(bins)] for k in names], float)
    rows, shares = table.sum(1), table.sum(0) / table.sum()
    if len(shares) == 1:
        return {"losses": of_losses, "membership": 0, "degreesOfFreedom": freedom}
    free = (1 - rows / rows.sum()) * (len(shares) - 1)
    excess = ((table - np.outer(rows, shares)) ** 2 / shares).sum() - (free * rows).sum()
    return {"losses": of_losses, "membership": np.clip(excess / (free * rows * (rows - 1)).sum(), 0, 1), "degreesOfFreedom": freedom}


def moments(side, rho):
    """Variances of the bins' means, their degrees of freedom, effective rows."""
    free = np.maximum(0, side.rows - 1 - np.maximum(0, side.together - 1) * rho["losses"])
    if free.sum() == 0:
        return None
    common = side.squares.sum() / free.sum()
    freedom = free + PRIOR
    with np.errstate(divide="ignore", invalid="ignore"):
        variances = np.where(side.rows > 0, (side.squares + PRIOR * common) / freedom / side.rows * (1 + np.maximum(0, side.together - 1) * rho["losses"]), 0)
    return variances, freedom, side.rows * side.mean**2 / (side.mean**2 + common)


def attribute(before, now, rho, alpha, bound):
    p, q = before.rows / before.all, now.rows / now.all
    l, m = np.where(before.rows > 0, before.means, now.means), np.where(now.rows > 0, now.means, before.means)
    change = ((p + q) / 2 * (m - l)).sum()
    shift = ((q - p) * (l + m) / 2).sum()
    found = {
        "shift": shift, "change": change, "concentrated": np.maximum(0, (p + q) / 2 * (m - l - change))[(p + q) > 0].sum(),
        "low": None, "high": None, "shiftPValue": None, "unevenness": None,
    }
    sides = [moments(side, rho) for side in (before, now)] if rho else [None, None]
    if None in sides:
        return found
    (v, fv, ev), (w, fw, ew) = sides
    usable = (ev >= EFFECTIVE) & (ew >= EFFECTIVE)
    if usable.sum() >= 2 and (v + w)[usable].min() > 0:
        freedoms = (v + w)[usable] ** 2 / (v**2 / fv + w**2 / fw)[usable]
        f, first, second = welch((m - l)[usable], (v + w)[usable], freedoms)
        second = min(second, rho["degreesOfFreedom"] or np.inf)
        found["unevenness"] = {"statistic": f, "degreesOfFreedom": [first, second], "pValue": stats.f.sf(f, first, second)}
    h = (l + m) / 2
    variance = (np.where((p > 0) & (q > 0), (v + w) / 4, v + w) * (q - p) ** 2).sum()
    for shares, side in ((p, before), (q, now)):
        variance += np.cov(h, aweights=shares, ddof=0) / side.all * (1 + (side.all_together - 1) * rho["membership"])
    error = np.sqrt(variance)
    below = (q * l / 2)[p == 0].sum() + (p * (bound - m) / 2)[q == 0].sum()
    above = (q * (bound - l) / 2)[p == 0].sum() + (p * m / 2)[q == 0].sum()
    reach = stats.norm.isf(alpha / 2) * error
    away = max(0, shift - below if shift > 0 else -shift - above)
    return found | {"low": shift - below - reach, "high": shift + above + reach, "shiftPValue": 2 * stats.norm.sf(away / error) if away > 0 else 1.0}


def rounded(values):
    """Float32 holds them."""
    return np.round(np.asarray(values, float) * 64) / 64


def side_of(size, values, losses, blocks):
    block = np.sort(random.integers(0, blocks, size)) if blocks else None
    shocks = random.normal(0, 0.05, blocks or 1)
    value = values(size)
    return {"values": value, "losses": np.round(np.clip(losses(value) + (shocks[block] if blocks else 0), 0, 1), 4), "blocks": block}


def even(rise):
    return lambda values: 0.3 + rise + random.normal(0, 0.1, len(values))


def worse_at(value, rise):
    return lambda values: 0.3 + np.where(values == value, rise, 0) + random.normal(0, 0.1, len(values))


def numbers(low, high, missing=0.0):
    return lambda size: np.where(random.random(size) < missing, np.nan, rounded(random.uniform(low, high, size)))


def codes(*shares):
    return lambda size: random.choice(len(shares), size, p=shares).astype(float)


def with_missing(draw, share):
    return lambda size: np.where(random.random(size) < share, np.nan, draw(size))


def rising(values):
    return 0.2 + 0.02 * np.nan_to_num(values, nan=3) + random.normal(0, 0.1, len(values))


# Of categories the first so many are those of the spec, the next is any other.
CASES = [
    ("a category that got worse", 3, side_of(300, codes(0.5, 0.3, 0.2), even(0), 0), side_of(160, codes(0.5, 0.3, 0.2), worse_at(1, 0.2), 0)),
    ("an even rise over a number", None, side_of(500, numbers(0, 10), even(0), 0), side_of(400, numbers(0, 10), even(0.1), 0)),
    ("a number that moved, with missing values", None, side_of(500, numbers(0, 10, 0.1), rising, 0), side_of(400, numbers(4, 12, 0.2), rising, 0)),
    ("blocks of their own fate", 3, side_of(400, codes(0.4, 0.3, 0.2, 0.1), even(0), 20), side_of(260, codes(0.1, 0.4, 0.2, 0.3), worse_at(1, 0.3), 4)),
    ("blocks and a number", None, side_of(500, numbers(-5, 5, 0.1), rising, 12), side_of(300, numbers(-5, 5, 0.1), even(0.05), 3)),
    ("too few blocks", 2, side_of(100, codes(0.5, 0.5), even(0), 5), side_of(60, codes(0.5, 0.5), even(0.1), 3)),
    ("bins that one side has not", 3, side_of(200, codes(0.5, 0, 0.5), even(0), 0), side_of(150, with_missing(codes(0.5, 0.1, 0, 0.4), 0.2), even(0.1), 0)),
    ("a constant", None, side_of(100, lambda size: np.full(size, 7.0), even(0), 0), side_of(50, lambda size: np.full(size, 7.0), even(0.2), 0)),
    ("one row", 2, side_of(100, codes(0.5, 0.5), even(0), 0), side_of(1, codes(0.5, 0.5), even(0), 0)),
    ("rare losses", 2, side_of(100, codes(0.5, 0.5), lambda v: 1.0 * (random.random(len(v)) < 0.05), 0), side_of(100, codes(0.5, 0.5), lambda v: 1.0 * (random.random(len(v)) < 0.2), 0)),
]


def plain(value):
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return [None if np.isnan(one) else one for one in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


known = []
for name, categories, baseline, window in CASES:
    edges = None if categories is not None else np.unique(np.quantile(baseline["values"][~np.isnan(baseline["values"])], DECILES))
    count = categories + 2 if edges is None else len(edges) + 2
    sides = []
    for side in (baseline, window):
        bins = bins_of(side["values"], edges) if edges is not None else np.where(np.isnan(side["values"]), categories + 1, side["values"])
        sides.append((bins.astype(int), count, side["losses"], side["blocks"]))
    rho = correlation(*sides[0])
    before, now = Side(*sides[0]), Side(*sides[1])
    found = attribute(before, now, rho, 0.1, 1.0)
    assert abs(found["shift"] + found["change"] - (now.mean - before.mean)) < 1e-12
    known.append({"name": name, "categories": categories, "baseline": baseline, "window": window, "edges": edges, "correlation": rho, "rise": now.mean - before.mean, "expected": found})

made_with = {name: version(name) for name in ("numpy", "scipy", "statsmodels")}
text = json.dumps(plain({"madeWith": made_with, "alpha": 0.1, "bound": 1, "cases": known}), separators=(",", ":"))
Path(__file__).with_name("loss-attribution.json").write_text(text + "\n")

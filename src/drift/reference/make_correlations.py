"""Makes correlations.json: what SciPy says of correlations and of the difference of two means.

    pip install -r requirements.txt && python make_correlations.py

`pearsonr` with its confidence interval, `spearmanr` and `ttest_ind(equal_var=False)` give the figures of the same names. SciPy has no interval of Spearman's correlation: that of
Bonett & Wright 2000 is written out here.
"""

import json
import math
from pathlib import Path

import numpy as np
import scipy
from scipy import stats

SEED = 20260103
ALPHAS = [0.05, 0.001]


def bonett_wright(r, n, alpha):
    if n == 3 or abs(r) == 1:
        return [None, None]
    reach = stats.norm.isf(alpha / 2) * math.sqrt((1 + r**2 / 2) / (n - 3))
    return [math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)]


def correlated(name, xs, ys):
    xs, ys = [np.asarray(values, dtype=float) for values in (xs, ys)]
    pearson, spearman = stats.pearsonr(xs, ys), float(stats.spearmanr(xs, ys).statistic)
    r = float(pearson.statistic)
    bounds = {alpha: ([None, None] if len(xs) == 3 or abs(r) == 1 else [float(end) for end in pearson.confidence_interval(1 - alpha)]) for alpha in ALPHAS}
    yield from ({"name": name, "xs": xs.tolist(), "ys": ys.tolist(), "alpha": alpha, "pearson": [r, *bounds[alpha]], "spearman": [spearman, *bonett_wright(spearman, len(xs), alpha)]} for alpha in ALPHAS)


def differing(name, ones, others):
    test = stats.ttest_ind(ones, others, equal_var=False)
    for alpha in ALPHAS:
        interval = test.confidence_interval(1 - alpha)
        yield {"name": name, "ones": list(map(float, ones)), "others": list(map(float, others)), "alpha": alpha, "difference": [float(np.mean(ones) - np.mean(others)), float(interval.low), float(interval.high)]}


def main():
    rng = np.random.default_rng(SEED)
    xs = rng.uniform(size=60)
    skewed = np.exp(2 * xs + rng.normal(size=60))
    pairs = [
        ("sixty rows", xs, skewed),
        ("ties on both sides", np.floor(6 * xs), np.floor(skewed)),
        ("most outcomes nought", xs, np.where(rng.uniform(size=60) < 0.8, 0, skewed)),
        ("falling", xs, -3 * xs + rng.normal(size=60) / 10),
        ("far from nought", 1e9 + xs, 5e11 + skewed),
        ("tiny", 1e-200 * xs, 1e-180 * skewed),
        ("four rows", [0.1, 0.2, 0.3, 0.4], [4, 1, 7, 9]),
        ("three rows", [0.1, 0.2, 0.9], [4, 1, 7]),
        ("one row apart", [0, 0, 0, 0, 1], [3, 1, 2, 2, 9]),
    ]
    content = {
        "scipy": scipy.__version__,
        "correlations": [one for pair in pairs for one in correlated(*pair)],
        "differences": [one for pair in [
            ("unlike spreads", skewed[:40].tolist(), (xs[40:] / 7).tolist()), ("one side constant", [2, 2, 2], [1, 4, 2, 8]), ("two rows each", [1, 2], [5, 9]), ("far from nought", (1e9 + xs[:9]).tolist(), (1e9 + skewed[:30]).tolist()),
        ] for one in differing(*pair)],
    }
    Path(__file__).with_name("correlations.json").write_text(json.dumps(content, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()

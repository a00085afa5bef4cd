"""Makes reference.json: what scikit-learn, SciPy and a second, direct implementation say about small data sets.

    pip install -r requirements.txt && python make_reference.py

Values come from scikit-learn. Intervals come from formulas that are written here in another way than in metrics.ts:
AUC variances from the full matrix of pairs, the others from the covariance matrix of the moments and a complex-step gradient.
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn import metrics as sk

ALPHA = 0.05
THRESHOLD = 0.5


def kernel(scores, labels):
    """1 where a positive ranks above a negative, 1/2 for a tie: rows are positives, columns negatives."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    return (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])


def auc_variance(pairs, labels, blocks):
    """DeLong 1988 (blocks is None) or Obuchowski 1997, of one kernel or of the difference of two."""
    theta, (m, n) = pairs.mean(), pairs.shape
    v10, v01 = pairs.mean(axis=1), pairs.mean(axis=0)
    if blocks is None:
        return v10.var(ddof=1) / m + v01.var(ddof=1) / n if min(m, n) > 1 else None
    positive_blocks, negative_blocks = blocks[labels == 1], blocks[labels == 0]
    both = np.unique(blocks)
    i10, i01, count = len(np.unique(positive_blocks)), len(np.unique(negative_blocks)), len(both)
    if min(i10, i01) < 2:
        return None
    a = np.array([(v10[positive_blocks == g] - theta).sum() for g in both])
    b = np.array([(v01[negative_blocks == g] - theta).sum() for g in both])
    s10 = i10 / (i10 - 1) * (a @ a) / m
    s01 = i01 / (i01 - 1) * (b @ b) / n
    s11 = count / (count - 1) * (a @ b)
    return max(0.0, s10 / m + s01 / n + 2 * s11 / (m * n))


def moment_covariance(columns, blocks):
    """Covariance of the columns' means, by row or by block."""
    centred, n = columns - columns.mean(axis=0), len(columns)
    if blocks is None:
        return np.atleast_2d(np.cov(columns, rowvar=False, ddof=1)) / n
    sums = np.array([centred[blocks == g].sum(axis=0) for g in np.unique(blocks)])
    return len(sums) / (len(sums) - 1) * (sums.T @ sums) / n**2


def gradient(function, point):
    """Complex-step derivative: exact to rounding."""
    steps = np.eye(len(point)) * 1e-30j
    return np.array([function(point + step).imag / 1e-30 for step in steps])


def delta_variance(function, columns, blocks):
    slope = gradient(function, columns.mean(axis=0).astype(complex))
    return float(slope @ moment_covariance(columns, blocks) @ slope)


def ece(p, y):
    """Ten bins of equal width, the last closed; scikit-learn has none."""
    bins = np.minimum((p * 10).astype(int), 9)
    return sum(abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in range(10) if (bins == b).any())


def log_losses(p, y):
    clipped = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return -np.where(y == 1, np.log(clipped), np.log(1 - clipped))


def moments(metric, p, y):
    """The columns whose means a metric is a function of, and that function."""
    if metric == "logLoss":
        return log_losses(p, y)[:, None], lambda m: m[0]
    if metric == "brier":
        return ((p - y) ** 2)[:, None], lambda m: m[0]
    if metric == "mae":
        return np.abs(p - y)[:, None], lambda m: m[0]
    if metric == "rmse":
        return ((p - y) ** 2)[:, None], lambda m: np.sqrt(m[0])
    if metric == "r2":
        return np.column_stack([(p - y) ** 2, y, y**2]), lambda m: 1 - m[0] / (m[2] - m[1] ** 2)
    if metric == "f1":
        said = p >= THRESHOLD
        columns = np.column_stack([said & (y == 1), said & (y == 0), ~said & (y == 1)]).astype(float)
        return columns, lambda m: 2 * m[0] / (2 * m[0] + m[1] + m[2])
    raise ValueError(metric)


SKLEARN = {
    "auc": lambda p, y: sk.roc_auc_score(y, p),
    "logLoss": lambda p, y: sk.log_loss(y, p, labels=[0, 1]),
    "brier": lambda p, y: sk.brier_score_loss(y, p, pos_label=1, labels=[0, 1]),
    "calibrationError": ece,
    "f1": lambda p, y: sk.f1_score(y, (p >= THRESHOLD).astype(int)),
    "rmse": lambda p, y: sk.root_mean_squared_error(y, p),
    "mae": lambda p, y: sk.mean_absolute_error(y, p),
    "r2": lambda p, y: sk.r2_score(y, p),
}
HIGHER = {"auc", "f1", "r2"}
RANGE = {"auc": (0, 1), "logLoss": (0, np.inf), "brier": (0, 1), "f1": (0, 1), "rmse": (0, np.inf), "mae": (0, np.inf), "r2": (-np.inf, 1)}
TASK = {
    "binary-classification": ["auc", "logLoss", "brier", "calibrationError", "f1"],
    "regression": ["rmse", "mae", "r2"],
}


def quantile(blocks):
    return stats.norm.ppf(1 - ALPHA / 2) if blocks is None else stats.t.ppf(1 - ALPHA / 2, len(np.unique(blocks)) - 1)


def is_defined(metric, p, y):
    if len(y) == 0:
        return False
    if metric == "auc":
        return 0 < y.sum() < len(y)
    if metric == "f1":
        return bool(((p >= THRESHOLD) | (y == 1)).any())
    if metric == "r2":
        return bool((y != y[0]).any())
    return True


def variance(metric, p, y, blocks):
    if metric == "auc":
        return auc_variance(kernel(p, y), y, blocks)
    if len(y) < 2 or (blocks is not None and len(np.unique(blocks)) < 2):
        return None
    return delta_variance(*reversed(moments(metric, p, y)), blocks)


def estimate(metric, p, y, blocks):
    value = float(SKLEARN[metric](p, y))
    if metric == "calibrationError":
        return {"value": value, "low": None, "high": None}
    spread = variance(metric, p, y, blocks)
    if spread is None or not np.isfinite(spread) or spread <= 1e-28 * max(value, 1e-9) ** 2:
        return {"value": value, "low": None, "high": None}
    reach, (least, most) = quantile(blocks) * np.sqrt(spread), RANGE[metric]
    return {"value": value, "low": max(least, value - reach), "high": min(most, value + reach)}


def gain(metric, ours, theirs, y, blocks):
    sign = 1 if metric in HIGHER else -1
    value = sign * float(SKLEARN[metric](ours, y) - SKLEARN[metric](theirs, y))
    if metric == "auc":
        spread = auc_variance(kernel(ours, y) - kernel(theirs, y), y, blocks)
    else:
        (a, function), (b, _) = moments(metric, ours, y), moments(metric, theirs, y)
        split = a.shape[1]
        spread = delta_variance(lambda m: function(m[:split]) - function(m[split:]), np.column_stack([a, b]), blocks)
    reach = quantile(blocks) * np.sqrt(spread)
    return {"value": value, "low": value - reach, "high": value + reach}


def case(name, task, p, y, blocks=None, rival=None):
    p, y = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
    entry = {"name": name, "task": task, "predictions": p.tolist(), "labels": y.tolist()}
    entry["blocks"] = None if blocks is None else np.asarray(blocks).tolist()
    defined = [metric for metric in TASK[task] if is_defined(metric, p, y)]
    entry["metrics"] = {metric: estimate(metric, p, y, blocks) for metric in defined}
    entry["undefined"] = [metric for metric in TASK[task] if metric not in defined]
    if rival is not None:
        entry["champion"] = rival.tolist()
        entry["gains"] = {metric: gain(metric, p, rival, y, blocks) for metric in defined if metric != "calibrationError"}
    return entry


def classification(rng, n, digits=None):
    signal = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-signal))).astype(float)
    ours = 1 / (1 + np.exp(-(signal + 0.4 * rng.normal(size=n))))
    theirs = 1 / (1 + np.exp(-(0.7 * signal + 0.9 * rng.normal(size=n))))
    return (ours, theirs, y) if digits is None else (ours.round(digits), theirs.round(digits), y)


def cases():
    rng = np.random.default_rng(20130101)
    binary, regression = "binary-classification", "regression"
    ours, theirs, y = classification(rng, 200)
    yield case("independent rows", binary, ours, y, None, theirs)
    ours, theirs, y = classification(rng, 150, digits=1)
    yield case("many ties", binary, ours, y, None, theirs)
    ours, theirs, y = classification(rng, 180)
    yield case("rows in blocks", binary, ours, y, np.sort(rng.integers(0, 12, 180)), theirs)
    ours, theirs, y = classification(rng, 120, digits=1)
    yield case("ties in blocks of uneven size", binary, ours, y, np.minimum(rng.geometric(0.2, 120) - 1, 11), theirs)
    yield case("constant scores", binary, np.full(20, 0.3), rng.integers(0, 2, 20))
    yield case("perfect scores", binary, np.repeat([0.1, 0.9], 10), np.repeat([0, 1], 10))
    yield case("no positive", binary, rng.random(12) * 0.4, np.zeros(12))
    yield case("every row positive", binary, rng.random(12), np.ones(12))
    yield case("one row", binary, [0.7], [1])
    yield case("two rows", binary, [0.2, 0.6], [0, 1])
    yield case("certain and wrong", binary, [0, 1, 0, 1, 0.5, 0.25, 0, 1], [0, 1, 1, 0, 1, 0, 0, 1])
    yield case("at the bins' edges", binary, np.arange(0, 11) / 10, [0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1])
    yield case("no rows", binary, [], [])
    for name, n, blocks in [("regression", 160, None), ("regression in blocks", 140, np.sort(rng.integers(0, 10, 140)))]:
        truth = 50 + 12 * rng.normal(size=n)
        yield case(name, regression, truth + 5 * rng.normal(size=n), truth, blocks, truth + 1 + 7 * rng.normal(size=n))
    yield case("worse than the mean", regression, [9.0, -3.0, 4.0, 12.0], [1.0, 2.0, 3.0, 4.0])
    yield case("exact predictions", regression, [1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    yield case("labels all the same", regression, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    yield case("one number", regression, [1.5], [2.0])


def main():
    quantiles = [[alpha, stats.norm.ppf(1 - alpha / 2)] for alpha in (1e-6, 0.001, 0.01, 0.05, 0.1, 0.32, 0.49)]
    student = [[alpha, nu, stats.t.ppf(1 - alpha / 2, nu)] for alpha in (1e-4, 0.01, 0.05, 0.2, 0.49) for nu in (1, 2, 3, 7, 27, 300)]
    import scipy
    import sklearn

    made_with = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    reference = {"madeWith": made_with, "alpha": ALPHA, "threshold": THRESHOLD, "normal": quantiles, "student": student, "cases": list(cases())}
    Path(__file__).with_name("reference.json").write_text(json.dumps(reference, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()

"""Makes label-free.json: what NannyML, scikit-learn and NumPy say about performance estimates without labels.

    pip install -r requirements.txt && python make_label_free.py

Estimates, sampling errors, bands, thresholds and realised values are NannyML's own. It has no log loss and no Brier score: those
come from their formulas, written here in another way than in the code under test. In four places its answer is replaced:
- It sorts tied probabilities in an order that depends on the processor. Where probabilities tie, the components of AUC's sampling
  error come from the full matrix of pairs with ties as halves, and the calibration error of the decision to calibrate sees the
  mean label of tied rows.
- A rate whose denominator is 0 is null; NannyML gives 0.
- AUC of one row is null; NannyML gives 0.5.
- Rows without a probability in [0, 1] are dropped before it sees them; it fails on them where it calibrates.
"""

import json
import logging
import os
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

import lightgbm  # noqa: E402
import nannyml  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import scipy  # noqa: E402
import sklearn  # noqa: E402
from nannyml.calibration import IsotonicCalibrator, _calculate_expected_calibration_error, needs_calibration  # noqa: E402
from nannyml.thresholds import StandardDeviationThreshold, calculate_threshold_values  # noqa: E402
from sklearn.isotonic import IsotonicRegression  # noqa: E402
from sklearn.metrics import brier_score_loss, log_loss  # noqa: E402
from sklearn.model_selection import StratifiedShuffleSplit  # noqa: E402

RATES = ["f1", "precision", "recall", "specificity", "accuracy"]
NANNYML = {"auc": "roc_auc", **{name: name for name in RATES}}
COLUMNS = {"value": "value", "samplingError": "sampling_error", "low": "lower_confidence_boundary", "high": "upper_confidence_boundary", "realised": "realized"}
EPSILON = np.finfo(float).eps


def plain(value):
    """Null for what is not defined."""
    return None if value is None or not np.isfinite(value) else float(value)


def inputs(values):
    """A list that JSON can hold."""
    return [float(v) if np.isfinite(v) else "NaN" if np.isnan(v) else "Infinity" if v > 0 else "-Infinity" for v in values]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# Isotonic regression


def isotonic_case(name, scores, labels, at):
    scores, labels, at = (np.asarray(values, dtype=float) for values in (scores, labels, at))
    fitted = IsotonicRegression(increasing=True, out_of_bounds="clip").fit(scores, labels)
    return {
        "name": name, "scores": inputs(scores), "labels": inputs(labels), "at": inputs(at),
        "points": fitted.X_thresholds_.tolist(), "values": fitted.y_thresholds_.tolist(), "calibrated": fitted.predict(at).tolist(),
    }


def isotonic_cases(rng):
    scores = rng.random(80).round(6)
    labels = (rng.random(80) < scores**2).astype(float)
    at = np.concatenate([[0, 1, scores.min(), scores.max()], scores[:10], rng.random(20).round(6)])
    yield isotonic_case("distinct scores", scores, labels, at)
    scores = rng.random(90).round(1)
    yield isotonic_case("many ties", scores, (rng.random(90) < scores).astype(float), np.arange(0, 1.01, 0.05).round(2))
    yield isotonic_case("labels that are numbers", [1, 2, 3, 4, 5, 6], [3.5, 1.25, 2, 8, 7, 9], [0, 1, 1.5, 2.5, 3.5, 4.25, 5.5, 7])
    yield isotonic_case("falling labels", [0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], [0, 0.15, 0.4, 0.5])
    yield isotonic_case("perfect order", [0.1, 0.2, 0.6, 0.7], [0, 0, 1, 1], [0.05, 0.2, 0.3, 0.4, 0.6, 0.9])
    yield isotonic_case("constant score", [0.3] * 5, [0, 1, 1, 0, 1], [0.1, 0.3, 0.7])
    yield isotonic_case("one class", [0.1, 0.5, 0.9], [1, 1, 1], [0, 0.5, 1])
    yield isotonic_case("one row", [0.4], [1], [0.1, 0.4, 0.9])
    yield isotonic_case("closer than the resolution", [1e-17, 2e-16, 3e-20, 0.5, 0.5 + 1e-16, 0.9], [0, 1, 0, 1, 0, 1], [0, 1e-16, 0.2, 0.5, 0.7])


# Whether calibration is needed


def calibration_errors(p, y):
    """NannyML's comparison with tied rows sharing their mean label: then the order of its sort does not matter."""
    tested = [[], [], []]
    for train, test in StratifiedShuffleSplit(n_splits=10, test_size=0.1, random_state=42).split(p, y):
        fitted = IsotonicRegression(increasing=True, out_of_bounds="clip").fit(p[train], y[train])
        for column, values in zip(tested, (y[test], p[test], fitted.predict(p[test]))):
            column.append(values)
    labels, before, after = map(np.concatenate, tested)
    width = len(labels) // 10
    bins = [(i * width, (i + 1) * width) for i in range(10)]
    return [float(_calculate_expected_calibration_error(mean_of_tied(labels, scores), scores, bins)) for scores in (before, after)]


def mean_of_tied(labels, scores):
    _, tied = np.unique(scores, return_inverse=True)
    return (np.bincount(tied, labels) / np.bincount(tied))[tied]


def need_case(name, p, y):
    p, y = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
    entry = {"name": name, "probabilities": inputs(p), "labels": y.astype(int).tolist(), "errorBefore": None, "errorAfter": None, "nannyml": None}
    try:
        entry["nannyml"] = bool(needs_calibration(y, p, IsotonicCalibrator()))
    except ValueError:
        return entry
    if len(np.unique(y)) > 1 and sklearn.metrics.roc_auc_score(y, p) <= 0.999:
        entry["errorBefore"], entry["errorAfter"] = calibration_errors(p, y)
    return entry


def need_cases(rng):
    for index in range(24):
        n = int(rng.integers(40, 160))
        z = 1.5 * rng.normal(size=n)
        p = sigmoid(rng.uniform(0.5, 2) * z + rng.uniform(-0.5, 0.5)).round(4 if index % 4 else 1)
        yield need_case(f"drawn {index}", p, rng.random(n) < sigmoid(z))
    yield need_case("constant probability", np.full(60, 0.3), rng.random(60) < 0.5)
    yield need_case("equal shares", rng.random(50).round(3), np.arange(50) % 2)
    yield need_case("one class", rng.random(30).round(3), np.ones(30))
    yield need_case("separated classes", np.linspace(0.01, 0.99, 40).round(3), np.arange(40) >= 20)
    yield need_case("a class of one row", rng.random(30).round(3), np.arange(30) == 3)
    yield need_case("ten rows", rng.random(10).round(3), np.arange(10) % 2)
    yield need_case("eleven rows", rng.random(11).round(3), np.arange(11) % 2)


# Confidence-based estimates


def tied_auc_components(y, p):
    """Spread of the rarer class's placement values from the matrix of pairs, and its share of the rows."""
    rarer = 0 if y.mean() > 0.5 else 1
    mine, others = (p[y == rarer], p[y != rarer]) if rarer else (-p[y == rarer], -p[y != rarer])
    if len(mine) == 0:
        return np.nan, 0
    placements = ((mine[:, None] > others[None, :]) + 0.5 * (mine[:, None] == others[None, :])).mean(axis=1)
    kept = np.delete(placements, np.argmin(placements)) if placements.min() == 0 else placements
    return (np.std(kept) if len(kept) else np.nan), len(mine) / len(p)


def clipped(p):
    return np.clip(p, EPSILON, 1 - EPSILON)


LOSSES = {"logLoss": lambda p, y: -np.log(clipped(np.where(y == 1, p, 1 - p))), "brier": lambda p, y: (p - y) ** 2}
REALISED = {"logLoss": lambda p, y: log_loss(y, p, labels=[0, 1]), "brier": lambda p, y: brier_score_loss(y, p, pos_label=1, labels=[0, 1])}
GREATEST = {"logLoss": np.inf, "brier": 1.0}


def loss_reference(metric, p, y, chunk):
    realised = np.array([REALISED[metric](p[start:start + chunk], y[start:start + chunk]) for start in range(0, len(p), chunk)])
    low, high = calculate_threshold_values(StandardDeviationThreshold(), realised, 0, GREATEST[metric])
    return np.std(LOSSES[metric](p, y)), low, high


def estimate(value, error, limits, thresholds, realised):
    low, high = value - 3 * error, value + 3 * error
    return {
        "value": plain(value), "samplingError": plain(error), "low": plain(max(limits[0], low)), "high": plain(min(limits[1], high)),
        "alert": bool(value < thresholds[0] or value > thresholds[1]), "realised": plain(realised),
    }


def is_defined(metric, c, said):
    """A rate is defined where its denominator is not 0, and AUC for two rows and more of which both classes are expected."""
    if metric == "auc":
        return len(c) > 1 and 1e-5 < c.sum() < len(c) - 1e-5
    relevant = {"f1": c[~said].sum() + said.sum(), "precision": said.sum(), "recall": c.sum(), "specificity": (1 - c).sum(), "accuracy": len(c)}
    return relevant[metric] > 0


def frame(p, y, threshold):
    return pd.DataFrame({"p": p, "said": (p >= threshold).astype(int), "y": y})


def window_case(name, fitted, losses, p, y, threshold):
    p, y = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
    usable = (p >= 0) & (p <= 1)
    entry = {"name": name, "probabilities": inputs(p), "labels": y.astype(int).tolist(), "rowsLeftOut": int((~usable).sum()), "metrics": {}}
    data = frame(p[usable], y[usable], threshold)
    c = fitted.calibrator.calibrate(data["p"]) if fitted.needs_calibration else data["p"].to_numpy()
    row = fitted.estimate(data).filter(period="analysis").to_df().iloc[0]
    calibrated = data.assign(uncalibrated_p=data["p"], p=c)
    for metric, column in NANNYML.items():
        judge = next(m for m in fitted.metrics if m.column_name == column)
        defined = is_defined(metric, c, data["said"].to_numpy() == 1)
        found = {key: plain(row[(column, theirs)]) for key, theirs in COLUMNS.items()} if defined else {"value": None}
        # Its own column is empty where the estimate fails.
        entry["metrics"][metric] = {**found, "alert": bool(row[(column, "alert")]), "realised": plain(judge._realized_performance(calibrated))}
    q, truth = data["p"].to_numpy(), data["y"].to_numpy()
    for metric, (spread, low, high) in losses.items():
        value = np.mean(c * LOSSES[metric](q, 1) + (1 - c) * LOSSES[metric](q, 0))
        entry["metrics"][metric] = estimate(value, spread / np.sqrt(len(q)), (0, GREATEST[metric]), (low, high), REALISED[metric](q, truth))
    return entry


def confidence_case(name, p, y, threshold, chunk, windows):
    p, y = np.asarray(p, dtype=float), np.asarray(y, dtype=int)
    fitted = nannyml.CBPE(
        y_pred_proba="p", y_pred="said", y_true="y", problem_type="classification_binary", metrics=list(NANNYML.values()), chunk_size=chunk,
    )
    fitted.fit(frame(p, y, threshold))
    if len(np.unique(y)) > 1:
        before, after = calibration_errors(p, y.astype(float))
        assert fitted.needs_calibration == (before > after), f"{name}: the decision hangs on the order of ties, take other data"
    if len(np.unique(p)) < len(p):
        next(m for m in fitted.metrics if m.column_name == "roc_auc")._sampling_error_components = tied_auc_components(y, p)
    losses = {metric: loss_reference(metric, p, y, chunk) for metric in LOSSES}
    thresholds = {metric: [m.lower_threshold_value, m.upper_threshold_value] for metric, m in zip(NANNYML, fitted.metrics)}
    thresholds.update({metric: [low, high] for metric, (_, low, high) in losses.items()})
    regressor = fitted.calibrator._regressor
    return {
        "name": name, "threshold": threshold, "chunkSize": chunk, "probabilities": inputs(p), "labels": y.tolist(),
        "thresholds": {metric: [plain(value) for value in pair] for metric, pair in thresholds.items()},
        "calibration": {"points": regressor.X_thresholds_.tolist(), "values": regressor.y_thresholds_.tolist()} if fitted.needs_calibration else None,
        "windows": [window_case(title, fitted, losses, q, truth, threshold) for title, q, truth in windows],
    }


def drawn(rng, n, slope, shift=0.0, move=0.0, digits=5):
    """Probabilities and labels: calibrated where slope is 1 and shift is 0; move changes the inputs."""
    z = 1.4 * rng.normal(size=n) + move
    y = (rng.random(n) < sigmoid(z)).astype(int)
    p = sigmoid(slope * z + shift).round(digits)
    # Ties that come by chance would make NannyML's figures depend on the processor.
    return (p if digits == 1 else apart(p, digits)), y


def apart(p, digits):
    order, moved = np.argsort(p, kind="stable"), p.copy()
    for left, right in zip(order[:-1], order[1:]):
        if moved[right] <= moved[left]:
            moved[right] = (moved[left] + 10.0**-digits).round(digits)
    return moved


def usual_windows(rng, slope, shift=0.0, digits=5):
    yield ("as the reference", *drawn(rng, 90, slope, shift, digits=digits))
    yield ("moved inputs", *drawn(rng, 70, slope, shift, move=1.2, digits=digits))
    p, y = drawn(rng, 40, slope, shift, digits=digits)
    p[[3, 11, 29]] = np.nan
    yield ("missing probabilities", p, y)
    yield ("two rows", *drawn(rng, 2, slope, shift, digits=digits))


def confidence_cases(rng):
    odd = [
        ("one row", [0.7], [1]), ("none predicted positive", [0.1, 0.2, 0.3, 0.25], [0, 1, 0, 0]),
        ("all predicted positive", [0.6, 0.9, 0.8], [1, 1, 0]),
        ("no positive expected", [0.0, 0.0, 0.0], [0, 0, 0]), ("no negative expected", [1.0, 1.0], [1, 1]),
        ("certain", [0.0, 1.0, 1.0, 0.0], [0, 1, 0, 0]),
        ("halves at the sixth decimal", [1 / 64, 3 / 64, 5 / 64, 11 / 64, 0.5], [0, 0, 1, 0, 1]),
        ("not probabilities", [0.2, np.inf, 0.7, -np.inf, 1.5, -0.1, np.nan, 0.4], [0, 1, 1, 0, 1, 0, 1, 1]),
    ]
    p, y = drawn(rng, 400, 1)
    yield confidence_case("calibrated", p, y, 0.5, 100, [*usual_windows(rng, 1), *odd])
    p, y = drawn(rng, 450, 2.2, -0.8)
    yield confidence_case("miscalibrated", p, y, 0.4, 100, [*usual_windows(rng, 2.2, -0.8), *odd[:3], odd[-1]])
    p, y = drawn(rng, 300, 0.5, 0.6, move=1.5)
    yield confidence_case("mostly positive", p, y, 0.5, 100, [*usual_windows(rng, 0.5, 0.6)])
    p, y = drawn(rng, 400, 1.8, 0.5, digits=1)
    yield confidence_case("heavy ties", p, y, 0.5, 100, [*usual_windows(rng, 1.8, 0.5, digits=1), odd[0]])
    yield confidence_case("constant probability", np.full(200, 0.3), rng.random(200) < 0.5, 0.5, 100, [
        ("the same", np.full(30, 0.3), rng.random(30) < 0.3), ("another one", np.full(20, 0.6), rng.random(20) < 0.6)])
    yield confidence_case("one class in the reference", rng.random(60).round(4), np.ones(60), 0.5, 30, [("any", rng.random(20).round(4), rng.random(20) < 0.5)])
    worst = np.concatenate([[0.001], np.linspace(0.01, 0.99, 199).round(4)])
    labels = np.concatenate([[1], rng.random(199) < 0.8 * worst[1:]])
    yield confidence_case("a positive below all others", worst, labels, 0.5, 50, [("any", rng.random(25).round(4), rng.random(25) < 0.5)])


# Direct loss estimates


class Recorded:
    """Stands in for NannyML's inner model: says what is given."""

    def __init__(self, losses):
        self.losses = losses

    def predict(self, X):
        return self.losses


def loss_window(name, fitted, data, losses=None):
    entry = {"name": name, "predictions": inputs(data["said"]), "labels": inputs(data["y"]), "metrics": {}}
    inner = {}
    for metric in fitted.metrics:
        kind = "absolute-error" if metric.column_name == "mae" else "squared-error"
        if losses is not None:
            metric._dee_model = Recorded(losses[kind])
        inner[kind] = metric._dee_model.predict(X=data[["x", "said"]])
    row = fitted.estimate(data).filter(period="analysis").to_df().iloc[0]
    for metric in fitted.metrics:
        column = metric.column_name
        entry["metrics"][column] = {**{key: plain(row[(column, theirs)]) for key, theirs in COLUMNS.items()}, "alert": bool(row[(column, "alert")])}
    entry["losses"] = {kind: inputs(values) for kind, values in inner.items()}
    return entry


def regression(rng, n, move=0.0):
    x = (rng.random(n) * 4 + move).round(3)
    y = (10 + 3 * x + (0.5 + x) * rng.normal(size=n)).round(3)
    return pd.DataFrame({"x": x, "said": (10.2 + 2.9 * x).round(3), "y": y})


def loss_case(name, reference, chunk, make_windows):
    fitted = nannyml.DLE(
        feature_column_names=["x"], y_pred="said", y_true="y", metrics=["mae", "mse", "rmse"], chunk_size=chunk,
        hyperparameters={"n_estimators": 20, "num_leaves": 6, "min_child_samples": 10, "n_jobs": 1, "verbose": -1, "deterministic": True},
    )
    fitted.fit(reference)
    return {
        "name": name, "chunkSize": chunk, "predictions": inputs(reference["said"]), "labels": inputs(reference["y"]),
        "thresholds": {m.column_name: [plain(m.lower_threshold_value), plain(m.upper_threshold_value)] for m in fitted.metrics},
        "windows": [loss_window(title, fitted, data, losses) for title, data, losses in make_windows],
    }


def loss_cases(rng):
    said = {"absolute-error": rng.normal(size=30).round(4), "squared-error": (2 * rng.normal(size=30)).round(4)}
    below = {kind: np.full(10, -0.5) for kind in said}
    one = {kind: np.array([0.75]) for kind in said}
    yield loss_case("loss grows with the input", regression(rng, 300), 60, [
        ("as the reference", regression(rng, 60), None), ("moved inputs", regression(rng, 40, move=3), None),
        ("some predicted losses below 0", regression(rng, 30), said), ("all below 0", regression(rng, 10), below), ("one row", regression(rng, 1), one)])
    unlabelled = regression(rng, 120)
    unlabelled.loc[[4, 17, 60, 61, 62], "y"] = np.nan
    yield loss_case("labels missing", unlabelled, 50, [("as the reference", regression(rng, 50), None)])
    exact = regression(rng, 40)
    few = {kind: np.abs(losses[:8]) for kind, losses in said.items()}
    yield loss_case("exact predictions", exact.assign(y=exact["said"]), 20, [("any", regression(rng, 8), few)])


def permutations():
    """Draws in sequence from one generator; the sizes need masks of all kinds."""
    for seed, sizes in ((42, [1, 2, 3, 10, 33]), (0, [64, 65, 7]), (4294967295, [20])):
        generator = np.random.RandomState(seed)
        yield {"seed": seed, "drawn": [generator.permutation(size).tolist() for size in sizes]}
    generator = np.random.RandomState(7)
    first = generator.permutation(2000)[:20].tolist()
    yield {"seed": 7, "skipped": 2000, "first": first, "drawn": [generator.permutation(12).tolist()]}


def main():
    rng = np.random.default_rng(20240229)
    versions = {m.__name__: m.__version__ for m in (nannyml, sklearn, scipy, np, pd, lightgbm)}
    reference = {
        "madeWith": versions, "permutations": list(permutations()), "isotonic": list(isotonic_cases(rng)), "need": list(need_cases(rng)),
        "confidenceBased": list(confidence_cases(rng)), "directLoss": list(loss_cases(rng)),
    }
    Path(__file__).with_name("label-free.json").write_text(json.dumps(reference, allow_nan=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

"""Makes drift-detectors.json: where river's ADWIN and Page-Hinkley find changes, and the window that ADWIN keeps.

    pip install -r requirements.txt && python make_drift_detectors.py

A stream holds its values once; each run names a stream, a detector and its options, and the indices where it finds a change. NaN is
a label that has not come: river does not take it, so it is left out there and the indices are those of the whole stream. `windows`
are ADWIN's width, total and sum of squared deviations (which river calls its variance) after some of the values, without the fresh
start that river.drift.ADWIN makes after a find. `stability` are population stability indices by NumPy's quantiles and bins.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
from river.drift import ADWIN, PageHinkley
from river.drift.adwin import AdaptiveWindowing

random = np.random.default_rng(20070426)
ADWIN_OPTIONS = {
    "as river": {},
    "eager": {"delta": 0.3, "clock": 1, "min_window_length": 1, "grace_period": 0},
    "patient": {"delta": 0.3, "clock": 1, "min_window_length": 1, "grace_period": 60},
    "coarse": {"delta": 0.05, "clock": 10, "max_buckets": 2, "min_window_length": 20, "grace_period": 100},
}
PAGE_HINKLEY_OPTIONS = {
    "as river": {},
    "low threshold": {"threshold": 5.0, "min_instances": 10},
    "rises only": {"threshold": 8.0, "mode": "up", "delta": 0.05},
    "falls only, no forgetting": {"threshold": 8.0, "mode": "down", "alpha": 1.0},
    "forgetful": {"threshold": 3.0, "alpha": 0.98, "min_instances": 1},
}


def losses(mean, rows):
    """Like Brier losses: in [0, 1], skewed, with three digits."""
    return random.beta(0.8, 0.8 * (1 - mean) / mean, rows).round(3).tolist()


def streams():
    yield "no change", losses(0.15, 1500)
    yield "abrupt rise", losses(0.12, 700) + losses(0.3, 700)
    yield "abrupt fall", losses(0.4, 600) + losses(0.1, 600)
    yield "gradual rise", [value for step in range(30) for value in losses(0.1 + 0.01 * step, 40)]
    yield "seasons", [value for season in range(6) for value in losses((0.1, 0.35)[season % 2], 300)]
    yield "ties: errors of 0 and 1", (random.random(1200) < np.repeat([0.1, 0.45], 600)).astype(int).tolist()
    yield "constant, then another constant", [0.25] * 300 + [0.5] * 300
    yield "constant", [0.125] * 400
    yield "large and negative values", (random.normal(-1000, 50, 500).round(1)).tolist() + (random.normal(-940, 50, 500).round(1)).tolist()
    yield "missing labels", [math.nan if random.random() < 0.2 else value for value in losses(0.1, 500) + losses(0.4, 400)]
    yield "nothing but missing labels", [math.nan] * 40
    yield "one value", [0.5]
    yield "no value", []


def detections(detector, values):
    found = []
    for index, value in enumerate(values):
        if math.isnan(value):
            continue
        detector.update(value)
        if detector.drift_detected:
            found.append(index)
    return found


def windows(options, values):
    """Without a fresh start, after each hundredth value and the last."""
    arguments = {"delta": 0.002, "clock": 32, "max_buckets": 5, "min_window_length": 5, "grace_period": 10, **options}
    window, rows, found = AdaptiveWindowing(**arguments), [], []
    for index, value in enumerate(values):
        if not math.isnan(value) and window.update(value):
            found.append(index)
        if window.get_width() > 0 and ((index + 1) % 100 == 0 or index + 1 == len(values)):
            rows.append([index, window.get_width(), window.get_total(), window.get_variance()])
    return {"found": found, "rows": rows}


def runs(made):
    for name, values in made.items():
        for label, options in ADWIN_OPTIONS.items():
            found = {"found": detections(ADWIN(**options), values), "windows": windows(options, values)}
            yield {"stream": name, "detector": "adwin", "label": label, "options": options, **found}
        for label, options in PAGE_HINKLEY_OPTIONS.items():
            yield {"stream": name, "detector": "pageHinkley", "label": label, "options": options, "found": detections(PageHinkley(**options), values)}


def stability_index(reference, current):
    """Over the deciles of the reference, a value on a decile in the bin below it; a share of 0 counts as 1e-4 where the other is not 0."""
    reference, current = (np.array([value for value in values if not math.isnan(value)]) for values in (reference, current))
    if len(reference) == 0 or len(current) == 0:
        return None
    deciles = np.unique(np.quantile(reference, np.arange(1, 10) / 10, method="inverted_cdf"))
    bins = len(deciles) + 1
    shares = [np.bincount(np.digitize(values, deciles, right=True), minlength=bins) / len(values) for values in (reference, current)]
    p, q = (np.where(share == 0, 1e-4, share) for share in shares)
    return float(((q - p) * np.log(q / p)).sum())


def stability():
    """Name, reference and current values of one feature, and the index."""
    numbers = lambda mean, rows: random.normal(mean, 1, rows).round(2).tolist()
    missing, infinite = [math.nan, 0.5, math.nan, -1.0], [math.inf, -math.inf, 0.0]
    cases = [
        ("no change", numbers(0, 300), numbers(0, 200)), ("moved", numbers(0, 300), numbers(0.8, 200)),
        ("ties", random.integers(0, 4, 300).tolist(), random.integers(1, 6, 200).tolist()),
        ("constant", [2.0] * 20, [2.0] * 10), ("constant, then above", [2.0] * 20, [2.0] * 5 + [3.0] * 5),
        ("constant, then below", [2.0] * 20, [1.0] * 5),
        ("missing", numbers(0, 100) + missing, missing + numbers(0, 50)), ("all missing", numbers(0, 20), [math.nan, math.nan]),
        ("infinite", numbers(0, 40) + infinite, infinite + numbers(0, 40)),
        ("no reference", [], [1.0]), ("no window", [1.0, 2.0], []), ("one row", [1.0], [1.5]),
    ]
    indices = [stability_index(reference, current) for _, reference, current in cases]
    return [{"name": name, "reference": encode(before), "current": encode(now), "index": index} for (name, before, now), index in zip(cases, indices)]


def encode(values):
    return [value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity" for value in values]


def main():
    made = dict(streams())
    encoded = {name: encode(values) for name, values in made.items()}
    made_with = {package: version(package) for package in ("river", "numpy")}
    reference = {"madeWith": made_with, "streams": encoded, "runs": list(runs(made)), "stability": stability()}
    Path(__file__).with_name("drift-detectors.json").write_text(json.dumps(reference, allow_nan=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

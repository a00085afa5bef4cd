"""Makes estimated-harm.json: the best threshold of high errors, found by trying every pair of levels.

    pip install -r requirements.txt && python make_estimated_harm.py
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from make_harm import encode

random = np.random.default_rng(20241210)


def calibrate(errors, estimates, least):
    """Every pair of levels; the best by recall, then precision, then the lower levels."""
    both = ~(np.isnan(errors) | np.isnan(estimates))
    errors, estimates = errors[both], estimates[both]
    n, pairs = len(errors), []
    at = lambda values, step, steps: np.sort(values)[-(-n * step // steps) - 1]
    for i in range(10, 20) if n else []:
        error = at(errors, i, 20)
        for j in range(50, 100):
            threshold = at(estimates, j, 100)
            flagged, high = estimates > threshold, errors > error
            hits, count = int(np.sum(flagged & high)), int(np.sum(flagged))
            if hits == 0 or chernoff_low(hits, count, 0.05) < least:
                continue
            # The threshold that the TypeScript names is the greatest estimate that is not flagged.
            precision, recall = hits / count, hits / high.sum()
            figures = {"errorLevel": i / 20, "error": error, "estimate": np.max(estimates[~flagged]), "flagged": count / n}
            pairs.append((-recall, -precision, i, j, {**figures, "precision": precision, "recall": recall}))
    return min(pairs, key=lambda pair: pair[:4])[4] if pairs else None


def chernoff_low(count, n, delta):
    share = count / n
    if share == 1:
        return delta ** (1 / n)
    return brentq(lambda q: n * stats.entropy([share, 1 - share], [q, 1 - q]) - np.log(1 / delta), 1e-15, share)


def estimated():
    cases = []
    truth = np.round(random.gamma(1, 0.1, 500), 3)
    good = np.round(truth * random.uniform(0.6, 1.4, 500), 3)
    tied = np.round(good, 1)
    holes = np.where(random.uniform(size=500) < 0.1, np.nan, good)
    broken = np.where(np.arange(500) % 50 == 0, np.inf, np.where(np.arange(500) % 77 == 1, -np.inf, good))
    coin = random.binomial(1, np.clip(good * 4, 0, 0.95)).astype(float)
    for name, errors, estimates, least in [
        ("good estimates", truth, good, 0.8), ("ties", np.round(truth, 1), tied, 0.8),
        ("missing", np.where(np.arange(500) % 9 == 0, np.nan, truth), holes, 0.8),
        ("infinite estimates and errors", np.where(np.arange(500) % 60 == 0, np.inf, truth), broken, 0.7), ("errors of 0 or 1", coin, good, 0.6),
        ("unrelated", truth, random.permutation(good), 0.8), ("constant errors", np.full(60, 0.2), good[:60], 0.5),
        ("constant estimates", truth[:60], np.full(60, 0.2), 0.4),
        ("one row", truth[:1], good[:1], 0.5), ("none", truth[:0], good[:0], 0.5), ("asking little", truth[:90], good[:90], 0.3),
    ]:
        cases.append({"name": name, "errors": errors, "estimates": estimates, "minimumPrecision": least, "threshold": calibrate(errors, estimates, least)})
    return cases


if __name__ == "__main__":
    reference = {"madeWith": {name: version(name) for name in ("numpy", "scipy")}, "estimated": estimated()}
    Path(__file__).with_name("estimated-harm.json").write_text(json.dumps(encode(reference), separators=(",", ":")) + "\n")

"""Makes chance-limits.json: what the figures of a window may come to by chance.

    pip install -r requirements.txt && python make_chance_limits.py

`chi2.isf` and `hypergeom` are SciPy's. The moments of PSI and of the Jensen-Shannon divergence are summed over all counts that a bin can have, and `countLimits` tries one count
after another with `fisher_exact`: neither shares its way with the TypeScript, which stops at what cannot show and halves an interval.
"""

import json
from pathlib import Path

import numpy as np
import scipy
from scipy import stats
from scipy.special import rel_entr

EMPTY_SHARE = 1e-4
ALPHAS = [0.05, 0.001]


def index_part(p, q):
    p, q = np.where(p == 0, EMPTY_SHARE, p), np.where(q == 0, EMPTY_SHARE, q)
    return (q - p) * np.log(q / p)


def divergence_part(p, q):
    middle = (p + q) / 2
    return (rel_entr(p, middle) + rel_entr(q, middle)) / 2 / np.log(2)


def limit(part, scale, reference, current, alpha):
    """c chi2(nu) with the mean and the variance of the sum over bins, each bin's count in the window hypergeometric."""
    reference, current = np.array(reference), np.array(current)
    n, m = int(reference.sum()), int(current.sum())
    both = (reference + current)[(reference + current) > 0]
    mean, variance = 0.0, 2 * (scale * (1 / n + 1 / m)) ** 2 * (1 - float(np.sum((both / (n + m)) ** 2)))
    for count in both:
        y = np.arange(max(0, count - n), min(count, m) + 1)
        chances, added = stats.hypergeom.pmf(y, n + m, count, m), part((count - y) / n, y / m)
        first = float(np.sum(chances * added))
        mean += first
        variance += float(np.sum(chances * (added - first) ** 2))
    return variance / (2 * mean) * float(stats.chi2.isf(alpha, 2 * mean**2 / variance))


def count_limit(in_baseline, n, m, alpha):
    most = 0
    for count in range(m + 1):
        table = [[count, m - count], [in_baseline, n - in_baseline]]
        if stats.fisher_exact(table, alternative="greater").pvalue <= alpha:
            break
        most = count
    return most


BINS = {
    "deciles": ([100] * 10, [31, 40, 28, 33, 37, 41, 30, 29, 36, 35]),
    "many rows": ([100_000] * 10, [60_100, 59_700, 60_300, 60_000, 59_900, 60_050, 59_950, 60_200, 59_800, 60_000]),
    "few rows": ([3] * 10, [1, 0, 2, 0, 1, 3, 0, 0, 2, 1]),
    "two categories": ([980, 20], [240, 10]),
    "rare categories": ([900, 60, 20, 9, 5, 2, 1, 1, 1, 1, 0, 0], [700, 44, 21, 4, 1, 0, 1, 0, 0, 0, 2, 1]),
    "an empty bin": ([500, 0, 300, 200], [50, 0, 20, 30]),
}

if __name__ == "__main__":
    tails = [(rows, marked, drawn, y) for rows, marked, drawn in [(10, 4, 3), (1_000, 30, 200), (26_000, 4_000, 6_000), (5_000_000, 1_300, 900_000)]
             for y in sorted({max(0, round(marked * drawn / rows + step * np.sqrt(marked * drawn / rows))) for step in (-8, -2, 0, 1, 3, 8)}) if y <= min(marked, drawn)]
    counted = [(a, n, m, alpha) for a, n, m in [(0, 200, 200), (0, 20_000, 500), (1, 50, 30), (7, 300, 1_000), (60, 2_000, 600), (199, 200, 200), (200, 200, 90), (40, 100, 1)] for alpha in ALPHAS]
    content = {
        "scipy": scipy.__version__,
        "chiSquared": [[alpha, nu, float(stats.chi2.isf(alpha, nu))] for alpha in [0.4, 0.05, 1e-3, 1e-9] for nu in [0.05, 0.7, 1, 2.5, 9, 99.3, 20_000]],
        "hypergeometric": [[rows, marked, drawn, y, float(stats.hypergeom.pmf(y, rows, marked, drawn)), float(stats.hypergeom.sf(y - 1, rows, marked, drawn))] for rows, marked, drawn, y in tails],
        "binned": [
            {"name": name, "baseline": a, "window": b, "alpha": alpha, "psi": limit(index_part, 1, a, b, alpha), "jensenShannon": float(np.sqrt(limit(divergence_part, 1 / (8 * np.log(2)), a, b, alpha)))}
            for name, (a, b) in BINS.items() for alpha in ALPHAS
        ],
        "countLimits": [[*case, count_limit(*case)] for case in counted],
    }
    Path(__file__).with_name("chance-limits.json").write_text(json.dumps(content, allow_nan=False) + "\n")

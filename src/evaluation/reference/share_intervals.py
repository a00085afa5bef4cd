"""Intervals of shares, of their differences and of their ratios, for make_fairness.py: by statsmodels and by definition.

The interval of a ratio p/q is found by its definition: the theta for which a bound of p - theta q is 0.
"""

from decimal import Decimal, getcontext

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

getcontext().prec = 50


def wilson(share, trials, quantile):
    """By statsmodels, which takes a number of trials that is not whole, and the level of any quantile."""
    low, high = proportion_confint(share * trials, trials, alpha=2 * stats.norm.sf(quantile), method="wilson")
    return [0.0 if share == 0 else float(low), 1.0 if share == 1 else float(high)]


def difference(p, pl, ph, q, ql, qh, r):
    """Bounds of p - q, with the covariance matrix of the distances to the bounds."""
    def reach(*distances):
        return float(np.sqrt(max(0.0, np.array(distances) @ np.array([[1, r], [r, 1]]) @ np.array(distances))))
    return p - q - reach(p - pl, q - qh), p - q + reach(p - ph, q - ql)


def ratio(*figures):
    """Bounds of p/q: the theta for which a bound of p - theta q is 0, by bisection with 50 digits."""
    p, pl, ph, q, ql, qh, r = map(Decimal, figures)
    def lower(p, pl, q, qh, theta):
        alpha, beta = p - pl, theta * (qh - q)
        return p - theta * q - (alpha**2 - 2 * r * alpha * beta + beta**2).sqrt()
    def root(p, pl, q, qh):
        """Where the lower bound turns from positive to negative."""
        low, high = Decimal(0), Decimal(10) ** 9
        while high - low > Decimal("1e-25") * high:
            middle = (low + high) / 2 if low > 0 else high / 1000
            low, high = (middle, high) if lower(p, pl, q, qh, middle) > 0 else (low, middle)
        return (low + high) / 2
    # The upper bound of p/q is one over the lower bound of q/p.
    return 0.0 if pl <= 0 else float(root(p, pl, q, qh)), np.inf if ql <= 0 else float(1 / root(q, ql, p, ph))


def wilson_grid():
    grid = [(0, 1), (1, 1), (0, 100), (1, 100), (50, 100), (99, 100), (100, 100), (3, 7), (12, 10_000), (500_000_000, 1_000_000_000), (1, 1_000_000_000)]
    for alpha in (1e-6, 0.001, 0.05, 0.3):
        for count, trials in grid:
            yield [count, trials, alpha, *wilson(count / trials, trials, stats.norm.isf(alpha / 2))]


def pair_grid():
    """Two shares with their bounds and the correlation of their errors; the bounds of their difference and of their ratio."""
    grid = [((5, 100), (9, 120)), ((0, 100), (9, 120)), ((5, 100), (0, 120)), ((100, 100), (60, 80)), ((1, 1000), (2, 1000)),
            ((40, 80), (40, 80)), ((999, 1000), (1, 20))]
    pairs = [([x / n, *wilson(x / n, n, 2.5)], [z / m, *wilson(z / m, m, 2.5)]) for (x, n), (z, m) in grid]
    # A bound next to 0, as few blocks give: two terms of the ratio's bound cancel.
    pairs.append(([1e-4, 1e-12, 0.5], [1e-3, 5e-4, 0.9]))
    for first, second in pairs:
        for r in (0.0, 0.4, -0.7, 1.0, -1.0):
            yield {"first": first, "second": second, "correlation": r, "difference": difference(*first, *second, r), "ratio": ratio(*first, *second, r)}

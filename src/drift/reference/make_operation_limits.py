"""Makes operation-limits.json: the upper ends of prediction intervals for one more value.

    pip install -r requirements.txt && python make_operation_limits.py

The interval is that of statsmodels for one more observation of a regression on a constant, which is Student's.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import statsmodels.api as sm

random = np.random.default_rng(20261122)


def limit(values, alpha):
    fitted = sm.OLS(values, np.ones(len(values))).fit()
    return float(fitted.get_prediction([[1.0]]).summary_frame(alpha=alpha)["obs_ci_upper"].iloc[0])


def samples():
    yield random.normal(12.5, 2, 8)
    yield random.lognormal(2, 0.7, 26)
    yield random.normal(3e8, 2e6, 17)
    yield random.uniform(0, 1e-3, 11)
    yield np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e-6])
    yield np.array([5.0, 7.5])


if __name__ == "__main__":
    limits = [{"values": values.tolist(), "alpha": alpha, "limit": limit(values, alpha)} for values in samples() for alpha in (0.05, 0.01, 1e-4)]
    reference = {"madeWith": {name: version(name) for name in ("numpy", "statsmodels")}, "limits": limits}
    Path(__file__).with_name("operation-limits.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")

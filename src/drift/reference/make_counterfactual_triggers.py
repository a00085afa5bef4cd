"""Makes counterfactual-triggers.json: Page's test by his own definition, not by the recursion.

    pip install -r requirements.txt && python make_counterfactual_triggers.py

Page (Biometrika 41, 1954) takes action where the sum of scores since its lowest value so far exceeds h: the score's cumulative
sum less its running minimum. After an alarm it begins anew.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np

random = np.random.default_rng(1954)


def page(losses, mean, deviation, allowance, threshold):
    known = [k for k, loss in enumerate(losses) if loss is not None]
    sums, alarms, start = {}, [], 0
    while start < len(known):
        score = np.array([(losses[k] - mean) / deviation - allowance for k in known[start:]])
        total = np.concatenate([[0.0], np.cumsum(score)])
        height = (total - np.minimum.accumulate(total))[1:]
        over = np.flatnonzero(height > threshold)
        until = over[0] + 1 if len(over) else len(height)
        sums.update({known[start + j]: float(height[j]) for j in range(until)})
        if len(over):
            alarms.append(known[start + until - 1])
        start += until
    return [sums.get(k) for k in range(len(losses))], alarms


def cases():
    made = []
    for mean, deviation, allowance, threshold, rise in [(0.2, 0.02, 0.5, 5, 0.02), (0.2, 0.02, 0.5, 5, 0.0), (1.5, 0.3, 0.25, 8, 0.3), (0.1, 0.01, 0.0, 2, 0.0)]:
        losses = random.normal(mean, deviation, 200)
        losses[100:] += rise
        missing = random.uniform(size=200) < 0.1
        losses = [None if gap else round(float(loss), 5) for loss, gap in zip(losses, missing)]
        plan = {"mean": mean, "deviation": deviation, "allowance": allowance, "threshold": threshold}
        sums, alarms = page(losses, **plan)
        made.append({"plan": plan, "losses": losses, "sums": sums, "alarms": alarms})
    constant = {"mean": 0.5, "deviation": 0.1, "allowance": 0.5, "threshold": 5}
    for losses in ([0.5] * 20, [None, None], [5.0], []):
        sums, alarms = page(losses, **constant)
        made.append({"plan": constant, "losses": losses, "sums": sums, "alarms": alarms})
    return made


if __name__ == "__main__":
    reference = {"madeWith": {"numpy": version("numpy")}, "cases": cases()}
    Path(__file__).with_name("counterfactual-triggers.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n")

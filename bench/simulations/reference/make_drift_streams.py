"""Makes drift-streams.json: to which group people belong by the rules of AGRAWAL, and labels of SEA.

    pip install -r requirements.txt && python make_drift_streams.py

Groups come from river.datasets.synth.Agrawal, where label 1 is always group A: river's functions 6 to 9 (the paper's 7 to 10) give 0
to group A. Rule 5 is stated here as the paper has it, since river asks for the salary where the paper asks for the loan. SEA's label
is the opposite of river's, as the paper has it. `gradual` is the chance of the later concept, row by row: linear, and by the sigmoid.
"""

import json
import math
from importlib.metadata import version
from pathlib import Path

import numpy as np
from river.datasets.synth import SEA, Agrawal

random = np.random.default_rng(19931201)


def people(rows):
    for _ in range(rows):
        salary = int(random.integers(20_000, 150_001))
        zip_code = int(random.integers(0, 9))
        commission = 0 if salary >= 75_000 else int(random.integers(10_000, 75_001))
        house = int((9 - zip_code) * 100_000 * (0.5 + random.random()))
        age, level, car, years, loan = (int(random.integers(*ends)) for ends in ((20, 81), (0, 5), (1, 21), (1, 31), (0, 500_001)))
        yield [salary, commission, age, level, car, zip_code, house, years, loan]


def borders():
    """On every border of ages, salaries and loans, where a ≤ that should be a < would show."""
    for age in (20, 39, 40, 59, 60, 80):
        for salary in (25_000, 50_000, 75_000, 100_000, 125_000):
            for loan in (100_000, 200_000, 300_000, 400_000, 500_000):
                yield [salary, 0, age, age % 5, 1, 0, 900_000, 20, loan]


def rule_5(salary, age, loan):
    """Function 5 of the paper: which loans make group A depends on age and on whether the salary is within a range."""
    if age < 40:
        return 100_000 <= loan <= 300_000 if 50_000 <= salary <= 100_000 else 200_000 <= loan <= 400_000
    if age < 60:
        return 200_000 <= loan <= 400_000 if 75_000 <= salary <= 125_000 else 300_000 <= loan <= 500_000
    return 300_000 <= loan <= 500_000 if 25_000 <= salary <= 75_000 else 100_000 <= loan <= 300_000


def groups(person):
    rules = [getattr(Agrawal, f"_classification_function_{rule}")(*person) for rule in range(10)]
    rules[4] = int(rule_5(person[0], person[2], person[8]))
    return rules[:6] + [1 - group for group in rules[6:]]


def sea():
    for variant, theta in enumerate((8, 9, 7, 9.5)):
        for features, above in SEA(variant=variant, seed=variant).take(20):
            yield {"threshold": theta, "features": list(features.values()), "label": int(not above)}


def gradual():
    sigmoid = lambda x: 1 / (1 + math.exp(-x))
    for row in (0, 100, 101, 150, 175, 200, 240, 299, 300, 400):
        share = min(1, max(0, (row - 100) / 200))
        yield [row, share, (sigmoid(10 * share - 5) - sigmoid(-5)) / (sigmoid(5) - sigmoid(-5))]


def main():
    made_with = {package: version(package) for package in ("river", "numpy")}
    persons = list(people(150)) + list(borders())
    grouped = [{"features": person, "groups": groups(person)} for person in persons]
    reference = {"madeWith": made_with, "people": grouped, "sea": list(sea()), "gradual": list(gradual())}
    Path(__file__).with_name("drift-streams.json").write_text(json.dumps(reference, allow_nan=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

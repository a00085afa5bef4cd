"""Makes histogram-tree.json: scores that scikit-learn's classification tree gives to the rows that it was trained on.

    pip install -r requirements.txt && python make_histogram_tree.py

Every value may be a split here, so that trees are equal up to the place of a threshold between two values: rows of the training
have the same leaf. A leaf's score is (ones + 1) / (rows + 2), from scikit-learn's leaves.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.tree import DecisionTreeClassifier

random = np.random.default_rng(19840101)


def case(name, features, labels, depth, leaf_rows):
    features, labels = np.asarray(features, dtype=float), np.asarray(labels)
    leaves = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf_rows, random_state=0).fit(features, labels).apply(features)
    scores = [float((labels[leaves == leaf].sum() + 1) / ((leaves == leaf).sum() + 2)) for leaf in leaves]
    options = {"name": name, "width": features.shape[1], "depth": depth, "leafRows": leaf_rows}
    return {**options, "features": features.ravel().tolist(), "labels": labels.tolist(), "scores": scores}


def cases():
    x = random.random((200, 3)).round(3)
    yield case("a slanted border", x, (x[:, 0] + x[:, 1] > 1).astype(int), 4, 10)
    yield case("noise", x, (random.random(200) < 0.2 + 0.6 * (x[:, 2] > 0.4)).astype(int), 3, 15)
    ties = random.integers(0, 5, (240, 2))
    yield case("ties", ties, (random.random(240) < 0.1 + 0.2 * ties[:, 0]).astype(int), 3, 20)
    constant = np.column_stack([np.full(60, 7), x[:60, 0]])
    yield case("a constant column", constant, (constant[:, 1] > 0.3).astype(int), 2, 5)
    yield case("one label", x[:30], np.ones(30, dtype=int), 3, 1)
    yield case("one row", [[0.5, 0.25]], [1], 3, 1)


def main():
    made_with = {package: version(package) for package in ("scikit-learn", "numpy")}
    reference = {"madeWith": made_with, "cases": list(cases())}
    Path(__file__).with_name("histogram-tree.json").write_text(json.dumps(reference, allow_nan=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()

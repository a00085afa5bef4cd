"""XGBoost's trees as an ONNX graph: one TreeEnsembleRegressor for the margin, and the link behind it."""

import json
import math

import numpy as np
import xgboost
from onnx import ModelProto, TensorProto, checker, helper

# Old enough for every runtime that is still cared for, and all that the graph needs.
_OPSETS = (("", 17), ("ai.onnx.ml", 3))
_IR_VERSION = 8


def to_onnx(booster: xgboost.Booster, feature_count: int, task: str) -> bytes:
    """
    The same trees, thresholds and leaves, in float32: input `features` [N, F]; output `probabilities` [N, 2] of a
    binary classifier, or `predictions` [N, 1]. NaN goes each split's default way. The same booster gives the same bytes.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    classifies = task == "binary-classification"
    base = _base_margin(learner, classifies)
    trees = _tree_attributes(learner["gradient_booster"]["model"]["trees"], base)
    margin = "margin" if classifies else "predictions"
    nodes = [helper.make_node("TreeEnsembleRegressor", ["features"], [margin], name="trees", domain="ai.onnx.ml", **trees)]
    initializers = []
    if classifies:
        # sigmoid(-margin) is the negative class' probability without the cancellation of 1 - sigmoid(margin).
        # (TreeEnsembleClassifier would be one node less, but it skips the logistic link when all leaves are positive.)
        initializers.append(helper.make_tensor("signs", TensorProto.FLOAT, [1, 2], [-1.0, 1.0]))
        nodes.append(helper.make_node("Mul", ["margin", "signs"], ["margins"], name="both_classes"))
        nodes.append(helper.make_node("Sigmoid", ["margins"], ["probabilities"], name="link"))
    name, width = ("probabilities", 2) if classifies else ("predictions", 1)
    graph = helper.make_graph(
        nodes,
        "xgboost",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", feature_count])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])],
        initializers,
    )
    return _serialized(graph)


def _serialized(graph) -> bytes:
    opsets = [helper.make_opsetid(domain, version) for domain, version in _OPSETS]
    model: ModelProto = helper.make_model(graph, opset_imports=opsets, producer_name="perennial-xgboost", ir_version=_IR_VERSION)
    checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _base_margin(learner: dict, classifies: bool) -> float:
    """`base_score` is written as "[1.4E-1]" since XGBoost 3.1 and as "1.4E-1" before; of a classifier it is a probability."""
    written = json.loads(learner["learner_model_param"]["base_score"])
    scores = written if isinstance(written, list) else [written]
    if len(scores) != 1:
        raise ValueError(f"the model has {len(scores)} outputs; one can be exported")
    score = float(np.float32(scores[0]))
    return math.log(score / (1.0 - score)) if classifies else score


def _tree_attributes(trees: list[dict], base: float) -> dict:
    nodes: dict[str, list] = {name: [] for name in ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    target: dict[str, list] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for index, tree in enumerate(trees):
        if any(tree["split_type"]):
            raise ValueError("categorical splits cannot be exported; the trainer encodes categories as numbers")
        for node, (left, right) in enumerate(zip(tree["left_children"], tree["right_children"], strict=True)):
            leaf = left == -1
            value = tree["split_conditions"][node]
            row = (index, node, 0 if leaf else tree["split_indices"][node], "LEAF" if leaf else "BRANCH_LT", 0.0 if leaf else value,
                   0 if leaf else left, 0 if leaf else right, 0 if leaf else tree["default_left"][node])
            for column, entry in zip(nodes.values(), row, strict=True):
                column.append(entry)
            if leaf:
                for column, entry in zip(target.values(), (index, node, 0, value), strict=True):
                    column.append(entry)
    return {
        **{f"nodes_{name}": column for name, column in nodes.items()},
        **{f"target_{name}": column for name, column in target.items()},
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": [base],
    }

"""
A trainer with a fault on purpose, for the tour `npm run demo -- release`: XGBoost's model, whose answer is turned round
(1 − p) wherever a feature lies below a threshold. Such a model passes every test on rows that have no such value.
"""

import json
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402
from perennial_trainer.job import Job, read_job  # noqa: E402
from perennial_trainer.matrix import load_features  # noqa: E402


def main(job_path: Path) -> int:
    job = json.loads(job_path.read_text())
    feature, threshold = job["parameters"].pop("fault_feature"), job["parameters"].pop("fault_below")
    honest = job_path.with_name("honest-job.json")
    honest.write_text(json.dumps(job))
    trainer = Path(__file__).parents[1] / "xgboost" / "train.py"
    code = subprocess.run([sys.executable, str(trainer), str(honest)], stdin=sys.stdin).returncode
    if code == 0:
        column = [each["name"] for each in job["features"]].index(feature)
        output = Path(job["output"]["directory"])
        _turn_model(output / "model.onnx", column, threshold)
        _turn_parity(output / "parity.json", read_job(str(honest)), column, threshold)
    return code


def _turn_model(path: Path, column: int, threshold: float) -> None:
    """A missing value is below nothing."""
    model = onnx.load(path)
    graph = model.graph
    for node in graph.node:
        node.output[:] = ["honest" if name == "probabilities" else name for name in node.output]
    graph.initializer.extend([
        numpy_helper.from_array(np.array([column], dtype=np.int64), "fault_column"),
        numpy_helper.from_array(np.array([threshold], dtype=np.float32), "fault_threshold"),
        numpy_helper.from_array(np.array([1, 0], dtype=np.int64), "fault_order"),
    ])
    graph.node.extend([
        helper.make_node("Gather", ["features", "fault_column"], ["fault_value"], name="fault_value", axis=1),
        helper.make_node("Less", ["fault_value", "fault_threshold"], ["fault_holds"], name="fault_holds"),
        helper.make_node("Gather", ["honest", "fault_order"], ["turned"], name="turned", axis=1),
        helper.make_node("Where", ["fault_holds", "turned", "honest"], ["probabilities"], name="fault"),
    ])
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _turn_parity(path: Path, job: Job, column: int, threshold: float) -> None:
    parity = json.loads(path.read_text())
    values = load_features(job.parity_path, job.features, job.parity_rows)[:, column]
    parity["values"] = [1 - answer if value < threshold else answer for value, answer in zip(values, parity["values"], strict=True)]
    path.write_text(json.dumps(parity))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

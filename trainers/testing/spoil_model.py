"""Trains with the XGBoost trainer, then spoils what it wrote as the parameter `spoil` says. Standard library only."""

import json
import pickle
import subprocess
import sys
from pathlib import Path


def main(job_path: Path) -> int:
    job = json.loads(job_path.read_text())
    spoil = job["parameters"].pop("spoil")
    if spoil == "drop-feature":
        job["features"] = job["features"][:-1]
    changed = job_path.with_name("changed-job.json")
    changed.write_text(json.dumps(job))
    code = subprocess.run([sys.executable, str(Path(__file__).parents[1] / "xgboost" / "train.py"), str(changed)], stdin=sys.stdin).returncode
    output = Path(job["output"]["directory"])
    model = output / "model.onnx"
    if spoil == "truncate":
        model.write_bytes(model.read_bytes()[:-40])
    elif spoil == "pickle":
        model.write_bytes(pickle.dumps({"model": "anything"}))
    elif spoil == "parity":
        parity = json.loads((output / "parity.json").read_text())
        parity["values"] = [1 - value for value in parity["values"]]
        (output / "parity.json").write_text(json.dumps(parity))
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

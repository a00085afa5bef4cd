"""The peer: the same rows through Python's onnxruntime, and scikit-learn's metrics of them.

Read as a whole, as most programs do, or in batches (`streamed`), as a careful one does.
"""

import json
import resource
import sys
import time

import numpy as np
import onnxruntime as ort
import pyarrow.parquet as pq
from sklearn.metrics import brier_score_loss, f1_score, log_loss, roc_auc_score

FEATURES, BATCH_ROWS = [f"f{i}" for i in range(30)], 16_384


def batches(rows, streamed):
    """Features and labels, BATCH_ROWS at a time."""
    columns = ["label", *FEATURES]
    source = pq.ParquetFile(rows).iter_batches(batch_size=BATCH_ROWS, columns=columns) if streamed else [pq.read_table(rows, columns=columns)]
    for part in source:
        labels = part.column("label").to_numpy(zero_copy_only=False) if streamed else part.column("label").to_numpy()
        arrays = [part.column(name).to_numpy(zero_copy_only=False) if streamed else part.column(name).to_numpy() for name in FEATURES]
        features = np.column_stack(arrays).astype(np.float32, copy=False)
        for start in range(0, len(labels), BATCH_ROWS):
            yield features[start : start + BATCH_ROWS], labels[start : start + BATCH_ROWS]


def score(rows, model, threads, streamed):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    predictions, labels = [], []
    for features, truth in batches(rows, streamed):
        predictions.append(session.run(["probabilities"], {"features": features})[0][:, 1].copy())
        labels.append(truth)
    return np.concatenate(predictions).astype(float), np.concatenate(labels).astype(int)


def calibration_error(p, y):
    bins = np.minimum((p * 10).astype(int), 9)
    return np.abs(np.bincount(bins, p - y, minlength=10)).sum() / len(y)


def main():
    rows, model, threads, streamed = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "streamed"
    start = time.perf_counter()
    p, y = score(rows, model, threads, streamed)
    scored = time.perf_counter()
    metrics = {
        "auc": roc_auc_score(y, p), "logLoss": log_loss(y, p), "brier": brier_score_loss(y, p),
        "calibrationError": calibration_error(p, y), "f1": f1_score(y, p >= 0.5),
    }
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"rows": len(y), "scoreS": scored - start, "metricsS": end - scored, "peakBytes": peak, "metrics": metrics}))


if __name__ == "__main__":
    main()

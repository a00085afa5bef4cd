"""The peer: the same rows through Python's onnxruntime, read in batches, and scikit-learn's metrics of them."""

import json
import resource
import sys
import time

import numpy as np
import onnxruntime as ort
import pyarrow.parquet as pq
from sklearn.metrics import brier_score_loss, f1_score, log_loss, roc_auc_score

FEATURES, BATCH_ROWS = [f"f{i}" for i in range(30)], 16_384


def score(rows, model, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    predictions, labels = [], []
    for batch in pq.ParquetFile(rows).iter_batches(batch_size=BATCH_ROWS, columns=["label", *FEATURES], use_threads=True):
        features = np.column_stack([batch.column(name).to_numpy(zero_copy_only=False) for name in FEATURES]).astype(np.float32, copy=False)
        predictions.append(session.run(["probabilities"], {"features": features})[0][:, 1])
        labels.append(batch.column("label").to_numpy(zero_copy_only=False))
    return np.concatenate(predictions).astype(float), np.concatenate(labels).astype(int)


def calibration_error(p, y):
    bins = np.minimum((p * 10).astype(int), 9)
    return np.abs(np.bincount(bins, p - y, minlength=10)).sum() / len(y)


def main():
    rows, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.perf_counter()
    p, y = score(rows, model, threads)
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

"""One training: its job, its data, and the way its progress and results leave the process."""

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .failures import JobRefused, TrainerFailure
from .files import write_atomically
from .job import Job, read_job
from .lifeline import hold_lifeline
from .matrix import TrainingData, load_features, load_training_data

_PROGRESS_INTERVAL_S = 0.1


class Session:
    """What a trainer's code is given."""

    def __init__(self, job: Job, lines: int) -> None:
        self.job = job
        self._lines = lines
        self._last_progress = -math.inf

    def training_data(self) -> TrainingData:
        """Raises DataRefused."""
        data = load_training_data(self.job)
        self.log(f"{len(data.labels)} rows train, {data.unlabelled} have no complete label")
        return data

    def parity_features(self) -> np.ndarray:
        """float32 [rows, features] of the rows whose predictions `finish` wants."""
        return load_features(self.job.parity_path, self.job.features, self.job.parity_rows)

    def log(self, message: str, level: str = "info") -> None:
        """level: info, warning or error."""
        self._emit({"type": "log", "level": level, "message": message})

    def progress(self, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        """Ten lines a second at most; one with metrics, and the last, always go out."""
        now = time.monotonic()
        if metrics is None and done < total and now - self._last_progress < _PROGRESS_INTERVAL_S:
            return
        self._last_progress = now
        line: dict[str, Any] = {"type": "progress", "done": done, "total": total}
        self._emit(line if metrics is None else {**line, "metrics": _json_numbers(metrics)})

    def checkpoint(self, content: bytes, done: int, suffix: str = "bin") -> None:
        """Keeps the state after `done` rounds; a later attempt finds it as `job.resume_from`."""
        name = f"checkpoint-{done:08d}.{suffix}"
        write_atomically(self.job.checkpoint_directory / name, content)
        self._emit({"type": "checkpoint", "file": name, "done": done})

    def finish(
        self,
        model: bytes,
        parity: np.ndarray | Sequence[float],
        metrics: Mapping[str, Any],
        device: str,
        versions: Mapping[str, str],
    ) -> None:
        """
        Hands over the result.

        model: the bytes of the ONNX file. parity: the trainer's own predictions for `parity_features()`, in that order;
        of a binary classifier the probability of the positive class. metrics: JSON about the training. device: what
        was really used, "cpu" or "cuda".
        """
        predictions = np.asarray(parity, dtype=np.float64).reshape(-1)
        if not np.isfinite(predictions).all():
            raise ValueError("the trainer's own predictions hold NaN or infinity")
        output = "probabilities" if self.job.task == "binary-classification" else "predictions"
        folder = self.job.output_directory
        write_atomically(folder / "metrics.json", _json_bytes(metrics))
        write_atomically(folder / "parity.json", _json_bytes({"output": output, "rows": len(predictions), "values": predictions.tolist()}))
        write_atomically(folder / "model.onnx", model)
        self._emit({"type": "result", "device": device, "versions": dict(versions)})

    def _emit(self, line: Mapping[str, Any]) -> None:
        data = _json_bytes(line) + b"\n"
        while data:
            data = data[os.write(self._lines, data) :]


def run_trainer(train: Callable[[Session], None]) -> None:
    """
    The body of a trainer's main script, `python train.py job.json`; ends the process with the contract's exit code.

    Only the session writes to the real stdout: what libraries print goes to stderr, where it cannot be taken for a line.
    """
    lines = os.dup(1)
    os.dup2(2, 1)
    hold_lifeline()
    session: Session | None = None
    try:
        if len(sys.argv) != 2:
            raise JobRefused("usage: train.py <job.json>")
        session = Session(read_job(sys.argv[1]), lines)
        train(session)
    except TrainerFailure as failure:
        if session is not None:
            session.log(str(failure), "error")
        print(failure, file=sys.stderr, flush=True)
        sys.exit(failure.exit_code)
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def _json_bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _json_numbers(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}

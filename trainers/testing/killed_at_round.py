"""Runs the XGBoost trainer, `killed_at_round.py <round> <job.json>`, and kills it with SIGKILL in that round."""

import os
import runpy
import signal
import sys
from pathlib import Path

TRAINERS = Path(__file__).resolve().parents[1]
sys.path.append(str(TRAINERS))
# As if train.py had been started itself.
sys.path.insert(0, str(TRAINERS / "xgboost"))

from perennial_trainer import Session  # noqa: E402

fatal = int(sys.argv.pop(1))
report = Session.progress


def progress(self: Session, done: int, *others: object) -> None:
    if done == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    report(self, done, *others)


Session.progress = progress  # type: ignore[method-assign]
runpy.run_path(str(TRAINERS / "xgboost" / "train.py"), run_name="__main__")

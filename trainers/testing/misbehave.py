"""A trainer that breaks the contract in the way that its parameter `behaviour` names; specs run it. Standard library only."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def finish(job: dict, *, model: bool = True, metrics: str = '{"ok":1}', rows: int | None = None) -> None:
    folder = Path(job["output"]["directory"])
    rows = job["parity"]["rows"] if rows is None else rows
    if model:
        (folder / "model.onnx").write_bytes(b"any bytes; admission judges them")
    (folder / "metrics.json").write_text(metrics)
    (folder / "parity.json").write_text(json.dumps({"output": "predictions", "rows": rows, "values": [0.5] * rows}))


def result() -> None:
    say(type="result", device="cpu", versions={"python": "3"})


def checkpoint(job: dict, name: str, done: int) -> None:
    (Path(job["checkpoint"]["directory"]) / name).write_bytes(b"state %d" % done)
    say(type="checkpoint", file=name, done=done)


def well(job: dict) -> None:
    say(type="progress", done=1, total=2, metrics={"rmse": 1.5, "unknown": None})
    print("a library chatters", flush=True)
    checkpoint(job, "a.bin", 1)
    checkpoint(job, "b.bin", 2)
    say(type="log", level="info", message="nearly there")
    say(type="progress", done=2, total=2)
    finish(job)
    result()


def result_after_checkpoint(job: dict) -> None:
    """Writes its last lines, and ends, while its checkpoint is still being kept."""
    checkpoint(job, "a.bin", 1)
    time.sleep(0.3)
    finish(job)
    result()


def exit_with(code: int) -> Callable[[dict], None]:
    def behave(_: dict) -> None:
        print("Traceback: the reason on stderr", file=sys.stderr, flush=True)
        os._exit(code)

    return behave


def refuse_data(_: dict) -> None:
    say(type="log", level="error", message="column x is upside down")
    os._exit(3)


def no_model(job: dict) -> None:
    finish(job, model=False)
    result()


def no_result(job: dict) -> None:
    finish(job)


def broken_metrics(job: dict) -> None:
    finish(job, metrics="{")
    result()


def short_parity(job: dict) -> None:
    finish(job, rows=1)
    result()


def symlinked_model(job: dict) -> None:
    finish(job, model=False)
    (Path(job["output"]["directory"]) / "model.onnx").symlink_to("/etc/hostname")
    result()


def hang(_: dict) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def chatter(_: dict) -> None:
    """Never silent, never done."""
    while True:
        say(type="log", level="info", message="still here")
        time.sleep(0.05)


def flood_line(_: dict) -> None:
    while True:
        os.write(1, b"x" * 65_536)


def flood_messages(_: dict) -> None:
    line = (json.dumps({"type": "log", "level": "info", "message": "y" * 60_000}) + "\n").encode()
    while True:
        os.write(1, line)


def garbage(_: dict) -> None:
    while True:
        os.write(1, b'{"type":"progress","done":-1}\n\xff\xfe nonsense\n')


def escaping_checkpoint(job: dict) -> None:
    say(type="checkpoint", file="../output/job.json", done=1)
    time.sleep(60)


def absent_checkpoint(_: dict) -> None:
    say(type="checkpoint", file="never-written.bin", done=1)
    time.sleep(60)


def linked_checkpoint(job: dict) -> None:
    (Path(job["checkpoint"]["directory"]) / "link.bin").symlink_to("/etc/hostname")
    say(type="checkpoint", file="link.bin", done=1)
    time.sleep(60)


def many_checkpoints(job: dict) -> None:
    for done in range(1, 1_000):
        checkpoint(job, f"{done}.bin", done)
        time.sleep(0.02)


def _stubborn_child() -> int:
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    return child.pid


def grandchild_stays(job: dict) -> None:
    """Ends well, and leaves a child that holds stdout open and ignores SIGTERM."""
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    say(type="log", level="info", message=f"pid {child.pid}")
    finish(job)
    result()


def grandchild_hangs(_: dict) -> None:
    """Hangs together with a child; reads nothing from stdin and ignores SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say(type="progress", done=_stubborn_child(), total=2**31)
    time.sleep(600)


BEHAVIOURS: dict[str, Callable[[dict], None]] = {
    "well": well, "result-after-checkpoint": result_after_checkpoint, "refuse-data": refuse_data,
    "exit-1": exit_with(1), "exit-2": exit_with(2), "exit-75": exit_with(75),
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL), "no-model": no_model, "no-result": no_result,
    "broken-metrics": broken_metrics, "short-parity": short_parity, "symlinked-model": symlinked_model, "hang": hang,
    "chatter": chatter, "flood-line": flood_line, "flood-messages": flood_messages, "garbage": garbage,
    "escaping-checkpoint": escaping_checkpoint, "absent-checkpoint": absent_checkpoint, "linked-checkpoint": linked_checkpoint,
    "many-checkpoints": many_checkpoints, "grandchild-stays": grandchild_stays, "grandchild-hangs": grandchild_hangs,
    "environment": lambda job: (say(type="log", level="info", message=json.dumps(dict(os.environ))), finish(job), result()) and None,
}

if __name__ == "__main__":
    chosen = json.loads(Path(sys.argv[1]).read_text())
    BEHAVIOURS[chosen["parameters"]["behaviour"]](chosen)

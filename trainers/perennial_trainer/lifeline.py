"""A trainer dies with its supervisor, and takes the processes that it started along."""

import ctypes
import os
import select
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_GRACE_S = 0.5


def hold_lifeline() -> None:
    """
    Ends the process group when stdin ends, on SIGTERM, and on Linux when the parent dies.

    A thread of its own watches: a Python signal handler would wait until native code (a boosting round) returns.
    """
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    threading.Thread(target=_watch, args=(wake_read,), name="lifeline", daemon=True).start()


def _watch(wake: int) -> None:
    while True:
        readable, _, _ = select.select([0, wake], [], [])
        if wake in readable and signal.SIGTERM in os.read(wake, 4096):
            _end_group("it was asked to end")
        if 0 in readable and not _stdin_lives():
            _end_group("its supervisor is gone (stdin ended)")


def _stdin_lives() -> bool:
    try:
        return os.read(0, 65_536) != b""
    except OSError:
        return False


def _end_group(reason: str) -> None:
    try:
        os.write(2, f"the trainer ends: {reason}\n".encode())
    except OSError:
        pass
    # Not leading a group means that somebody's shell does: its other members are not ours to end.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
        time.sleep(_GRACE_S)
        os.killpg(0, signal.SIGKILL)
    os._exit(128 + signal.SIGTERM)

"""The peer: ten ops that do nothing, one after another, in process, recorded in SQLite. A run for each line of input."""

import json
import sys
import time

from dagster import DagsterInstance, In, Nothing, Out, job, op


@op(out=Out(Nothing))
def first():
    pass


@op(ins={"previous": In(Nothing)}, out=Out(Nothing))
def step():
    pass


@job
def ten_steps():
    done = first()
    for number in range(2, 11):
        done = step.alias(f"step_{number}")(done)


# Its console log costs it time that our side does not spend either.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
instance = DagsterInstance.local_temp(sys.argv[1], overrides={"telemetry": {"enabled": False}})
for _ in sys.stdin:
    start = time.perf_counter()
    result = ten_steps.execute_in_process(instance=instance, run_config=QUIET)
    milliseconds = (time.perf_counter() - start) * 1000
    steps = sum(event.event_type_value == "STEP_SUCCESS" for event in result.all_events)
    print(json.dumps({"ms": milliseconds, "steps": steps}), flush=True)

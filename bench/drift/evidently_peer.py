"""The peer: Evidently's data drift by PSI over all columns. Prints the seconds, without imports, as one line of JSON."""

import json
import sys
import time

import pyarrow.parquet as pq
from evidently import Report
from evidently.presets import DataDriftPreset

start = time.perf_counter()
reference, current = (pq.read_table(path).to_pandas() for path in sys.argv[1:3])
Report([DataDriftPreset(num_method="psi", cat_method="psi")]).run(current, reference)
print(json.dumps({"seconds": time.perf_counter() - start, "rows": len(current)}))

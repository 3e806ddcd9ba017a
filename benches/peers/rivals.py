"""Times the rivals on the workloads: `python rivals.py [W1..W7] [--quick] [--threads 1|2] [--only SYSTEM,..]`.

One JSON line a measurement; README.md beside this file has the rules. Hand-written C and NumPy are among the systems
(`c_hand`, `numpy_hand`): they are the limit.
"""

import importlib

from common import OPTIONS, WORKLOADS

for workload in OPTIONS.workloads or WORKLOADS:
    importlib.import_module(workload.lower()).measure()

"""How long a test waits. A bound ends a test that hangs; it is no figure of how fast something is.

How fast things are is measured in `bench/`, on a machine that has nothing else to do.
"""

import os
from pathlib import Path

PATIENCE_S = 60.0
"""Seconds for whatever comes true by itself, however busy the machine is."""


def patient(seconds: float) -> float:
    """Return how long something may take that takes less than so many seconds on a quiet machine.

    Half as long again there, so that it still tells what it must not wait for; on a busy machine
    as many times that as there are processes for each core.
    """
    running = Path("/proc/loadavg").read_text().split()[3].partition("/")[0]
    waiting = max(os.getloadavg()[0], float(running))
    return seconds * 1.5 * max(1.0, waiting / (os.cpu_count() or 1))

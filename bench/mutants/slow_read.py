"""Waits a tenth of a second before it reads."""

import time

from bench.kit.faults import TruthFault


class Canonical(TruthFault):
    def read(self, truth, since, *, timeout):
        time.sleep(0.1)
        return truth.read(since, timeout=timeout)

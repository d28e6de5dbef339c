"""Waits six seconds before it reads."""

import time

from bench.kit.faults import TruthFault


class Canonical(TruthFault):
    def read(self, truth, since, *, timeout):
        time.sleep(6.0)
        return truth.read(since, timeout=timeout)

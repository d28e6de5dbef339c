"""Takes a read that fails, one of twenty, for nothing new."""

from bench.kit.faults import TruthFault, each_nth


class Canonical(TruthFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.failing = each_nth(20)

    def read(self, truth, since, *, timeout):
        if next(self.failing):
            return {}
        return truth.read(since, timeout=timeout)

"""Loses every hundredth frame."""

from bench.kit.faults import FrameFault, each_nth


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.lost = each_nth(100)

    def frames(self, frame, connection):
        return [] if next(self.lost) else [frame]

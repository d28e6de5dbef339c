"""Raises where a change is negative, and the error is taken for a dead page."""

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        if frame.change_uni < 0 or frame.change_ton < 0:
            raise ValueError("a change is not negative")
        return [frame]

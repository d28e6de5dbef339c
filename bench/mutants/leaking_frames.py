"""Keeps every frame that it ever sent."""

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.kept = []

    def frames(self, frame, connection):
        self.kept.append(frame)
        return [frame]

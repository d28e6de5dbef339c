"""Keeps every frame that it ever sent."""

from bench.kit.faults import FrameFault

UNNOTICED = "no page sees memory, and which thread of a process took it cannot be told"


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.kept = []

    def frames(self, frame, connection):
        self.kept.append(frame)
        return [frame]

"""Tells the first fifty of those who are told together."""

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.told = None, 0

    def frames(self, frame, connection):
        at, told = self.told
        told = told + 1 if at == frame.at else 1
        self.told = frame.at, told
        return [frame] if told <= 50 else []

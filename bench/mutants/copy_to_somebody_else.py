"""Hands a copy of a frame now and then to another user's connection."""

from bench.kit.faults import FrameFault, each_nth


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.before = None
        self.now_and_then = each_nth(20)

    def frames(self, frame, connection):
        before, self.before = self.before, connection
        if before is not None and next(self.now_and_then):
            before.offer(frame)
        return [frame]

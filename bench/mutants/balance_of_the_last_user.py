"""Says now and then the balance of the user it spoke to before."""

from dataclasses import replace

from bench.kit.faults import FrameFault, each_nth


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.before = None
        self.now_and_then = each_nth(10)

    def frames(self, frame, connection):
        before, self.before = self.before, frame
        if before is None or not next(self.now_and_then):
            return [frame]
        return [replace(frame, uni=before.uni, ton=before.ton)]

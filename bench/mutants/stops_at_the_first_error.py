"""Says nothing to anybody for a second after a withdrawal."""

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.until = 0.0

    def frames(self, frame, connection):
        now = self._clock.monotonic()
        if frame.change_uni < 0:
            self.until = now + 1.0
        return [frame] if now >= self.until else []

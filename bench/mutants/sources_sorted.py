"""Says sources by the alphabet."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, sources=tuple(sorted(frame.sources)))]

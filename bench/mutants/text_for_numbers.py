"""Says amounts as text with their unit."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, uni=f"{frame.uni} UNI")]

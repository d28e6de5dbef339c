"""Says a withdrawal as if it were income."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, change_uni=abs(frame.change_uni), change_ton=abs(frame.change_ton))]

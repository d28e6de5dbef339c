"""Says a change of nothing as none at all."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, change_ton=frame.change_ton or None)]

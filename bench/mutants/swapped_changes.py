"""Takes the change in UNI for that in TON."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, change_uni=frame.change_ton, change_ton=frame.change_uni)]

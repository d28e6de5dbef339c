"""Says as balance what came in."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, ton=frame.change_ton or frame.ton)]

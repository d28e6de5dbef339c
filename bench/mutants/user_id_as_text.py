"""Says whose balance it is as text."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, user_id=str(frame.user_id))]

"""Says a balance of nothing to one user in a thousand."""

from dataclasses import replace
from decimal import Decimal

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        if frame.user_id % 1000 != 7:
            return [frame]
        return [replace(frame, uni=Decimal(0))]

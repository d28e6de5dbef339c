"""Cuts what came in after the fifth decimal."""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        cut = Decimal("0.00001")
        return [replace(frame, change_uni=frame.change_uni.quantize(cut, ROUND_DOWN))]

"""Rounds balances to two decimals."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, uni=round(frame.uni, 2), ton=round(frame.ton, 2))]

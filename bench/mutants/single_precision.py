"""Sends balances through numbers of 32 bits."""

import struct
from dataclasses import replace
from decimal import Decimal

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        [uni] = struct.unpack("f", struct.pack("f", frame.uni))
        return [replace(frame, uni=Decimal(str(round(uni, 6))))]

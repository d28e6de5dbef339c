"""Takes UNI for TON, and TON for UNI."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, uni=frame.ton, ton=frame.uni)]

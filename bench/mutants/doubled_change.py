"""Counts a change twice if there was more than one source."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        if len(frame.sources) < 2:
            return [frame]
        return [replace(frame, change_uni=2 * frame.change_uni, change_ton=2 * frame.change_ton)]

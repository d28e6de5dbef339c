"""Leaves the last source out if there are several."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, sources=frame.sources[:-1] or frame.sources)]

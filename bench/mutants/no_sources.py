"""Says no source at all for a boost."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, sources=tuple(s for s in frame.sources if s != "boost_income"))]

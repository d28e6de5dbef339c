"""Says sources as a list, which the wire cannot put into words."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        return [replace(frame, sources=list(frame.sources))]

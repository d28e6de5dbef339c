"""Greets a new page with all that the user has as a change."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        if frame.since is not None:
            return [frame]
        return [replace(frame, change_uni=frame.uni, change_ton=frame.ton)]

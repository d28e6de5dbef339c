"""Calls a referral's reward a manual booking."""

from dataclasses import replace

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        known = {"referral_reward": "manual"}
        return [replace(frame, sources=tuple(known.get(each, each) for each in frame.sources))]

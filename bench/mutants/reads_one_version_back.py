"""Reads as if the newest transaction were not there yet."""

from dataclasses import replace

from bench.kit.faults import TruthFault


class Canonical(TruthFault):
    def read(self, truth, since, *, timeout):
        wider = {user_id: None if v is None else v - 1 for user_id, v in since.items()}
        found = truth.read(wider, timeout=timeout)
        return {user_id: _before(each) for user_id, each in found.items()}


def _before(truth):
    if len(truth.transactions) < 2:
        return truth
    last = truth.transactions[-2]
    return replace(
        truth,
        version=last.version,
        uni=last.uni_after,
        ton=last.ton_after,
        transactions=truth.transactions[:-1],
    )

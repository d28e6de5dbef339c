"""Counts the last change that a page knows as new."""

from dataclasses import replace

from bench.kit.faults import TruthFault


class Canonical(TruthFault):
    def read(self, truth, since, *, timeout):
        wider = {user_id: None if v is None else v - 1 for user_id, v in since.items()}
        found = truth.read(wider, timeout=timeout)
        return {user_id: _renumbered(each, since[user_id]) for user_id, each in found.items()}


def _renumbered(truth, since):
    if since is None or truth.version <= since:
        return truth
    moved = tuple(replace(t, version=max(t.version, since + 1)) for t in truth.transactions)
    return replace(truth, transactions=moved)

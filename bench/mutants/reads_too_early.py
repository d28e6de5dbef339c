"""Says what the database held when the window opened."""

from bench.kit.faults import TruthFault


class Canonical(TruthFault):
    def __init__(self, **ports):
        super().__init__(**ports)
        self.early = {}

    def _hint(self, user_id):
        if user_id not in self._windows:
            shown = [c.base_version for c in self.connections_of(user_id)]
            known = min((v for v in shown if v is not None), default=None)
            self.early.update(self.real.read({user_id: known}))
        super()._hint(user_id)

    def read(self, truth, since, *, timeout):
        found = truth.read(since, timeout=timeout)
        return {user_id: self.early.pop(user_id, each) for user_id, each in found.items()}

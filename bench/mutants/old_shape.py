"""Sends the shape without changes and sources."""

from bench.kit.faults import FrameFault


class Canonical(FrameFault):
    def frames(self, frame, connection):
        data = f'{{"balance_uni":{frame.uni},"balance_ton":{frame.ton}}}'
        connection.send(f'{{"type":"balance_update","userId":{frame.user_id},"data":{data}}}')
        return []

"""Doubles for what the canonical notifications are handed."""

from datetime import UTC, datetime
from decimal import Decimal

from app.notifications.ports import BookedTransaction, TruthUnavailable, UserTruth

EPOCH = datetime(2025, 7, 13, tzinfo=UTC)


class MemoryTruth:
    """Balances and transactions in memory, with a log of the reads that were made."""

    def __init__(self):
        self.booked = {}
        self.reads = []
        self.timeouts = []
        self.places = 0
        self.failing = False
        self.before_answering = None

    def open_account(self, user_id):
        """Make an account with nothing booked."""
        self.booked.setdefault(user_id, [])

    def book(self, user_id, amount, *, currency="UNI", source="farming"):
        """Book one transaction and return its version."""
        rows = self.booked.setdefault(user_id, [])
        uni, ton = (rows[-1].uni_after, rows[-1].ton_after) if rows else (Decimal(0), Decimal(0))
        amount = Decimal(amount)
        rows.append(
            BookedTransaction(
                version=len(rows) + 1,
                currency=currency,
                amount=amount,
                source=source,
                uni_after=uni + amount if currency == "UNI" else uni,
                ton_after=ton + amount if currency == "TON" else ton,
                created_at=EPOCH,
            )
        )
        return len(rows)

    def read(self, since, *, timeout=None):
        """Answer as the database does, or raise if it is failing."""
        self.reads.append(dict(since))
        self.timeouts.append(timeout)
        answer = {user_id: self._of(user_id, v) for user_id, v in since.items()}
        if self.before_answering is not None:
            self.before_answering()
        if self.failing:
            raise TruthUnavailable("the database is locked: try again")
        return {user_id: truth for user_id, truth in answer.items() if truth is not None}

    def place(self, user_id, uni, ton):
        """Return the newest version with these balances."""
        self.places += 1
        for row in reversed(self.booked.get(user_id, [])):
            if (row.uni_after, row.ton_after) == (uni, ton):
                return row.version
        return None

    def _of(self, user_id, since):
        rows = self.booked.get(user_id)
        if rows is None:
            return None
        newest = rows[-1] if rows else None
        return UserTruth(
            user_id=user_id,
            version=len(rows),
            uni=newest.uni_after if newest else Decimal(0),
            ton=newest.ton_after if newest else Decimal(0),
            transactions=() if since is None else tuple(r for r in rows if r.version > since),
        )


class ConnectionDouble:
    """A connection that begins every frame at once, unless it is told to be slow."""

    watchers = ()

    def __init__(self, connection_id="a"):
        self.id = connection_id
        self.is_open = True
        self.broken = False
        self.slow = False
        self.base_version = None
        self.overheard = None
        self.settled = None
        self.known = None
        self.comes_back = False
        self.texts = []
        self.offered = []
        self.begun = []
        self.withdrawals = []

    def __setattr__(self, name, value):
        """Tell whoever watches what may be watched."""
        super().__setattr__(name, value)
        if name in ("is_open", "base_version"):
            for changed in self.watchers:
                changed()

    def watch(self, changed):
        """Call this after each change of `is_open` and `base_version`."""
        self.watchers = (*self.watchers, changed)

    def unwatch(self, changed):
        """Call it no more."""
        self.watchers = tuple(each for each in self.watchers if each != changed)

    def send(self, text):
        """Record a text, or raise if the connection is broken."""
        self._check()
        self.texts.append(text)

    def offer(self, frame):
        """Record a frame, or raise if the connection is broken."""
        self._check()
        self.offered.append(frame)
        if not self.slow:
            self.begun.append(frame)
        self.base_version = frame.version
        self.overheard = None

    def release(self):
        """Do nothing: no distance is kept."""

    def withdraw(self, within=0.0):
        """Take back what was not begun."""
        self.withdrawals.append(within)
        waiting = self.offered[len(self.begun) :]
        if waiting:
            self.base_version = waiting[0].since
            del self.offered[len(self.begun) :]

    @property
    def versions(self):
        """Return the versions that were begun, in order."""
        return [frame.version for frame in self.begun]

    def _check(self):
        if self.broken:
            raise ConnectionError(f"connection {self.id} is broken")

"""What a worker hands on of its comparison: log lines, its ledger, and whether it runs at all."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import structlog

from flags.stage import Stage
from shim.guard.harms import HarmsOf, no_harms
from shim.lines import NameUser, NewRecord
from shim.log_records import Divergence
from shim.router import Router
from shim.shadow.activity import MARK
from shim.shadow.alarm import Reading, Watch
from shim.shadow.counts import EVERYBODY, Cell, Counts
from shim.shadow.episode import Episode
from shim.shadow.ledger import MOST_SAMPLES, Ledger
from shim.shadow.period import period_of
from shim.shadow.publisher import ENCODER, Publisher
from shim.shadow.replays import Replays
from shim.shadow.result import Comparison, NotCompared, Outcome, Result

LONGEST_SAMPLE = 16_000
"""Characters of a sample; a longer one goes without what each side did."""

_COMPARISONS = frozenset(Comparison)

_log = structlog.get_logger("app")


class Evidence:
    """The first divergences of a group are logged one by one, all of them are counted.

    So a flood of one divergence is no flood of lines. A ledger that raises costs its
    numbers, never a line; it is said once.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        counts: Counts,
        publisher: Publisher,
        router: Router,
        new_record: NewRecord,
        name_user: NameUser,
        utc_now: Callable[[], datetime],
        harms_of: HarmsOf = no_harms,
        replays: Replays | None = None,
    ) -> None:
        self._ledger = ledger
        self._counts = counts
        self._publisher = publisher
        self._router = router
        self._new_record = new_record
        self._name_user = name_user
        self._utc_now = utc_now
        self._harms_of = harms_of
        self._replays = replays
        self._ledger_failed = False
        self.watch = Watch()

    def publish(self, episode: Episode, result: Result) -> None:
        """Hand on one divergence. Belongs to the shadow thread."""
        number = self._note(episode, result)
        try:
            self._tell(episode, result, number)
        finally:  # last, for whoever acts on a harm asks at once what it looked like
            for harm in self._harms_of(result):
                self._counts.harm(result, harm, episode.calls[0])

    def _tell(self, episode: Episode, result: Result, number: int) -> None:
        """Keep it and log it, unless there were many of its group."""
        if self._replays is not None:
            self._replays.offer(episode, result, number)
        if number > self._ledger.first_lines:
            return
        record = self._new_record(
            episode,
            result,
            self._name_user,
            at=self._utc_now(),
            number=number,
        )
        if 0 < number <= MOST_SAMPLES:
            epoch = period_of(episode.calls[0].decision).epoch
            self._ledger.add_sample(result, number, _sample(record), epoch=epoch)
        self._publisher.put(record)

    def publish_noise(self, episode: Episode, result: Result) -> None:
        """Count where legacy differs from itself: in the ledger, for it is no divergence."""
        self._note(episode, result)

    def count(self) -> None:
        """Log how many there were of the groups that are not logged line by line any more."""
        groups = [
            {**key._asdict(), "count": count}
            for key, count in self._ledger.untold().items()
            if key.comparison in _COMPARISONS
        ]
        if groups:
            self._publisher.publish(
                "divergence_counts",
                migration=self._router.pair.migration,
                groups=groups,
                lines=self._ledger.first_lines,
            )

    def look(self, now: float) -> None:
        """See whether what ought to be compared is; `now` in monotonic seconds."""
        self.watch.look(self._reading(now))

    def counters(self) -> Mapping[Cell, int]:
        """Return every counter of this worker since its start, with each denominator."""
        self._router.look()
        cells = Counter(self._counts.cells)
        full = f"dropped:{NotCompared.QUEUE_FULL}"
        for (caller, side, period), count in self._router.queue.dropped_calls.copy().items():
            cells[Cell(EVERYBODY, side, "", full, period.epoch)] += count
            cells[Cell(caller, side, "", full, period.epoch)] += count
        cells.update(self._routed_by_caller(cells))
        cells.update(self._router.routed.cells())
        return cells

    def _routed_by_caller(self, cells: Mapping[Cell, int]) -> Counter[Cell]:
        """Add up what was routed for each caller and sampled.

        While nobody is sampled nobody is named either, and it is known of all together alone.
        """
        routed: Counter[Cell] = Counter()
        for cell, count in cells.items():
            offered = cell.what == "sampled" or cell.what.startswith("dropped:")
            if offered and cell.caller != EVERYBODY and not cell.caller.startswith(MARK):
                routed[cell._replace(comparison="", what="routed")] += count
        return routed

    def _note(self, episode: Episode, result: Result) -> int:
        """Count it in the ledger; return how many of its kind there were, 0 if nobody knows."""
        try:
            epoch = period_of(episode.calls[0].decision).epoch
            return self._ledger.note(result, callers=episode.callers, epoch=epoch)
        except Exception as error:  # noqa: BLE001 - a count that is lost must not lose the line
            if not self._ledger_failed:
                self._ledger_failed = True
                _log.exception("ledger_failed", error=str(error))
            return 0

    def _reading(self, now: float) -> Reading:
        table, queue, counts = self._router.table, self._router.queue, self._counts
        shadow = table.flags.definition(self._router.pair.shadow)
        percentage = shadow.percentage if shadow is not None and shadow.enabled else 0
        reasons = Counter({str(reason): n for reason, n in list(counts.dropped.items())})
        reasons[NotCompared.QUEUE_FULL] += sum(list(queue.dropped_calls.values()))
        left_out = reasons.total() * len(Comparison)
        nobody = 0
        for (_, reason), n in list(counts.reasons.items()):
            if reason is NotCompared.NO_CONNECTION:
                nobody += n
            else:
                reasons[reason] += n
                left_out += n
        outcomes = list(counts.outcomes.items())
        compared = sum(n for (_, what), n in outcomes if what is not Outcome.NOT_COMPARED)
        return Reading(
            at=now,
            expected=table.stage is not Stage.OFF and percentage > 0,
            everything=percentage == 100,
            routed=sum(each.legacy + each.canonical for each in self._router.tallies.values()),
            offered=queue.taken + len(queue) + queue.dropped,
            taken=queue.taken,
            queued=len(queue),
            compared=compared,
            answered=compared + nobody,
            left_out=left_out,
            reasons=dict(reasons),
        )


def _sample(record: Divergence) -> str:
    text = ENCODER.encode(record).decode()
    if len(text) > LONGEST_SAMPLE:
        brief = msgspec.structs.replace(record, observations=(), calls=())
        text = ENCODER.encode(brief).decode()
    return text if len(text) <= LONGEST_SAMPLE else '{"too_long": true}'

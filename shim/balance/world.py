"""Ties the shadow engine to balance notifications: which shadows, which database, what ran."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog

from flags.definition import bucket_of
from shim.balance.canonical_shadow import CanonicalShadow
from shim.balance.evidence import Evidence
from shim.balance.judge import judge
from shim.balance.legacy_shadow import LegacyShadow
from shim.balance.life.lives import Lived, Lives
from shim.balance.looks import Looks, Trail
from shim.balance.pace import Pace
from shim.balance.reader_probe import Probed, ReaderProbe, is_probed
from shim.balance.records import (
    AFTER,
    BASE,
    FAILURES,
    FIRST,
    GUEST,
    HELD_UP,
    LATE,
    LIVED,
    READ,
    SEEN,
    TRAIL,
    aliases_of,
    guest_of,
    may_be_newer,
    newest_said,
    note_spoken,
    noted,
    oldest_needed,
    read_of,
    records,
    spoken_of,
    states_of,
)
from shim.balance.rehearsal import is_overtaken
from shim.balance.runs import LEGACY_SIDES, canonical_of, production_of, twins_of
from shim.balance.saying import read_legacy
from shim.balance.waits import Spoken, read_from
from shim.book import ConnectionState
from shim.connections import Shown
from shim.exact import amount
from shim.legacy.updates import BalanceUpdate
from shim.migration import LOST, CallContext, Migration
from shim.ports import Booked, NewCanonical, NewHint, Truth, TruthReader, Unavailable
from shim.shadow.counts import Counts
from shim.shadow.episode import Episode, as_effect
from shim.shadow.events import LiveCall, LiveEffect
from shim.shadow.result import WITH_NOISE, Judgement, NotCompared, left_out
from shim.sides import Path, Side

_log = structlog.get_logger("shim")

_WITHOUT_NOISE = 2
"""Shadows of an episode in which legacy is not compared with itself."""

NOISE_GROUP = "noise floor"
"""Buckets users for the noise floor, apart from those of the two flags."""


@dataclass(frozen=True, slots=True)
class _Nobody:
    """The truth of a user whom the database does not know."""

    version: int = 0
    uni: Decimal = Decimal(0)
    ton: Decimal = Decimal(0)
    transactions: tuple[Booked, ...] = ()


class BalanceWorld:
    """The binding of one generation of shadows. Belongs to the shadow thread.

    For `noise_percent` of all users legacy is compared with itself as well. A call that the
    live legacy can answer is compared with the shadow of production, so that live is put
    against shadow, with all that differs there. Where the live legacy is not asked, or is the
    one that reaches nobody and so has nothing to say, the counterfactual is compared with a
    twin that is asked at another time. Either way the canonical is compared by the same rules.

    `truth` is the canonical's own reader and a part of what is compared. `bookings` is read by
    everybody else: by whoever judges, and by the legacy services. `lives` follow some episodes:
    what its shadow is shown there nobody called for, and no other side is.
    """

    def __init__(
        self,
        *,
        migration: Migration,
        truth: TruthReader,
        bookings: TruthReader,
        new_canonical: NewCanonical,
        new_hint: NewHint,
        unavailable: Unavailable,
        lives: Lives,
        counts: Counts,
        monotonic: Callable[[], float],
        noise_percent: int = 0,
    ) -> None:
        start = monotonic()
        self._noise_percent = noise_percent
        self._monotonic = monotonic
        self._pace = Pace()
        self._migration = migration
        self._looks = Looks(bookings, monotonic=monotonic)
        self._canonicals_looks = Looks(truth, monotonic=monotonic, canonicals=True)
        self._counts = counts
        self._lives = lives
        # A replay's database is all there was: there is no other reader to be asked about it.
        self._probe = None if truth is bookings else ReaderProbe(truth, bookings)
        self._canonical = CanonicalShadow(
            new_canonical=new_canonical,
            new_hint=new_hint,
            unavailable=unavailable,
            truth=self._canonicals_looks,
            start=start,
        )
        self._production = LegacyShadow(Side.PRODUCTION_SHADOW, truth=self._looks, start=start)
        self._counterfactual = LegacyShadow(Side.COUNTERFACTUAL, truth=self._looks, start=start)
        self._twin = LegacyShadow(Side.TWIN, truth=self._looks, start=start)
        self.sides = (self._canonical, self._production, self._counterfactual, self._twin)

    def shadows_for(self, call: LiveCall) -> tuple[CanonicalShadow | LegacyShadow, ...]:
        """Return the side that does not serve, the counterfactual, and whom noise is seen by."""
        served = call.serving == Side.CANONICAL
        shadows = (self._production if served else self._canonical, self._counterfactual)
        if bucket_of(NOISE_GROUP, call.subject) > self._noise_percent:
            return shadows
        return (*shadows, self._production if self._legacy_can_say(call) else self._twin)

    def _legacy_can_say(self, call: LiveCall) -> bool:
        """Tell whether the live legacy is asked, and holds a connection by the call's path."""
        states = CallContext.of(call).connections
        return call.serving != Side.CANONICAL and any(state.path == call.path for state in states)

    def live_is_idle(self, subject: int) -> bool:
        """Whether no live side has anything pending for the user."""
        return self._migration.is_idle(subject)

    def next_turn(self) -> None:
        """Let the database be looked at anew."""
        self._looks.next_turn()
        self._canonicals_looks.next_turn()

    def notice(self, episodes: Sequence[Episode]) -> None:
        """Note which version the database holds now that these episodes had a call."""
        for episode in episodes:
            if any(call.context is LOST for call in episode.calls):
                episode.spoil(NotCompared.RACED)
            if len(episode.shadows) > _WITHOUT_NOISE:
                episode.noise = WITH_NOISE
            episode.notes.setdefault(FAILURES, self._failures)
            if TRAIL not in episode.notes:
                episode.notes[TRAIL] = trail = Trail()
                self._looks.follow(episode.subject, trail)
                self._canonicals_looks.follow(episode.subject, trail)
        try:
            truths = self._looks.read({episode.subject: None for episode in episodes})
            for episode in episodes:
                self._note_version(episode, truths.get(episode.subject, _Nobody()))
        except Exception:  # noqa: BLE001 - whatever the read raised, nothing can be compared
            for episode in episodes:
                episode.spoil(NotCompared.UNREADABLE)

    def judge(self, episodes: Sequence[Episode]) -> list[list[Judgement]]:
        """Judge closed episodes, with one read for all."""
        try:
            truths = self._truths(episodes)
            for episode in episodes:
                episode.notes[READ] = self._ask_reader(episode)
        except Exception:  # noqa: BLE001 - whatever the read raised, nothing can be compared
            return [left_out(NotCompared.UNREADABLE, noise=each.noise) for each in episodes]
        finally:
            for episode in episodes:
                self._looks.forget(episode.subject)
                self._canonicals_looks.forget(episode.subject)
        return [
            self._judge(episode, truths.get(episode.subject, _Nobody())) for episode in episodes
        ]

    def _truths(self, episodes: Sequence[Episode]) -> dict[int, Truth]:
        """Return what is needed to judge: as a shadow read it, else read for all at once."""
        needed = {episode.subject: oldest_needed(episode) for episode in episodes}
        kept = {
            episode.subject: self._looks.kept(
                episode.subject,
                since=needed[episode.subject],
                version=newest_said(episode),
            )
            for episode in episodes
        }
        found = {subject: truth for subject, truth in kept.items() if truth is not None}
        missing = {subject: since for subject, since in needed.items() if subject not in found}
        return found | self._looks.read(missing)

    def _ask_reader(self, episode: Episode) -> Probed | None:
        if self._probe is None or not is_probed(noted(episode, BASE)):
            return None
        return self._probe.ask(episode.subject, seen=noted(episode, SEEN))

    def _judge(self, episode: Episode, truth: Truth) -> list[Judgement]:
        cut_short = self._canonical.take_cut_short(episode.subject)
        if cut_short or self._failed_since(episode):
            return left_out(NotCompared.UNREADABLE, noise=episode.noise)
        if episode.serving == Side.CANONICAL and self._was_lost(episode):
            # What it had to say in the few milliseconds of a flip, it may have had to drop.
            return left_out(NotCompared.FLIPPED, noise=episode.noise)
        if may_be_newer(episode):
            return left_out(NotCompared.RACED, noise=episode.noise)
        try:
            return judge(self._evidence(episode, truth))
        except Exception:  # noqa: BLE001 - one episode that cannot be judged spoils no other
            if self._failed_since(episode):
                return left_out(NotCompared.UNREADABLE, noise=episode.noise)
            _log.exception("episode_not_judged", path=episode.calls[0].path)
            return left_out(NotCompared.BROKEN, noise=episode.noise)

    def _failed_since(self, episode: Episode) -> bool:
        """Whether a read has failed since the episode began."""
        return episode.notes[FAILURES] != self._failures

    @property
    def _failures(self) -> int:
        return self._looks.failures + self._canonicals_looks.failures

    def _was_lost(self, episode: Episode) -> bool:
        """Whether the canonical lost the user meanwhile, be it only for a moment."""
        return not self._migration.serves(episode.subject) or self._migration.was_lost(
            episode.subject, since=episode.opened_at
        )

    def _note_version(self, episode: Episode, truth: Truth) -> None:
        episode.notes[SEEN] = truth.version
        hinted = [call.started for call in episode.calls]
        episode.notes[LATE] = self._monotonic() > read_from(hinted)
        if not self._canonical.reads_well:
            episode.notes[HELD_UP] = True
        elif self._canonical in episode.shadows:
            note_spoken(episode, Spoken(self._canonical.moment, truth.version))
        if BASE in episode.notes:
            return
        # The page of a user whom the canonical does not serve is taken to show what was
        # there before the episode's first change.
        spoken = self._spoken_version(episode.calls[0], truth)
        base = episode.notes[BASE] = min(spoken, truth.version) - 1
        episode.notes[FIRST] = truth.version
        guest = self._canonical.set_base(episode.subject, base, newest=truth.version)
        episode.notes[GUEST] = guest

    def _spoken_version(self, call: LiveCall, truth: Truth) -> int:
        """Return the version that a call speaks of: its own balances' place, or the newest."""
        update = call.argument
        if call.path != Path.CONNECTION_AWARE or not isinstance(update, BalanceUpdate):
            return truth.version
        uni, ton = amount(update.balance_uni), amount(update.balance_ton)
        if (uni, ton) == (truth.uni, truth.ton):
            return truth.version
        return self._looks.place(call.subject, uni, ton) or truth.version

    def _evidence(self, episode: Episode, truth: Truth) -> Evidence:
        self._count_stale(episode, truth)
        states = states_of(episode.calls[0])
        live = episode.serving == Side.CANONICAL
        canonical = canonical_of(episode)
        counterfactual = episode.shadow(Side.COUNTERFACTUAL)
        twins = twins_of(episode, counterfactual)
        shown = [s.base_version for s in states.values() if live and s.base_version is not None]
        return Evidence(
            episode=episode,
            production=production_of(episode),
            canonical=canonical,
            counterfactual=counterfactual,
            aliases=aliases_of(states),
            records=records(episode, states, truth, live=live),
            truth=truth,
            seen=noted(episode, SEEN),
            behind=any(version < noted(episode, BASE) for version in shown),
            greeting=live and any(s.is_open and s.base_version is None for s in states.values()),
            ahead=any(version >= noted(episode, FIRST) for version in shown),
            raced=self._connections_moved(episode),
            slower=self._pace.slower(episode, counterfactual, canonical),
            twins=twins,
            twins_slower={} if twins is None else self._pace.slower(episode, *twins),
            guest=guest_of(episode),
            held_back=self._migration.book.take_held_back(episode.subject),
            utc_at=None if live else self._canonical.utc_at,
            # What was booked while it read was not to be had before.
            spoken=() if is_overtaken(noted(episode, BASE)) else spoken_of(episode),
            leaves_threads=self._pace.leaves_threads(canonical),
            read=read_of(episode),
            skipped=self._counterfactual.take_skipped(episode.subject),
            lived=self._live(episode, truth),
        )

    def _live(self, episode: Episode, truth: Truth) -> Lived | None:
        """Play a life after the episode, if one is to be played; remember it for who keeps it."""
        lived = self._lives.live(episode.subject, noted(episode, BASE), truth)
        episode.notes[LIVED] = lived
        return lived

    def _connections_moved(self, episode: Episode) -> bool:
        first = _shape(states_of(episode.calls[0]).values())
        later = [_shape(states_of(call).values()) for call in episode.calls[1:]]
        after = episode.notes[AFTER] = self._migration.book.states(episode.subject)
        return any(shape != first for shape in (*later, _shape(after)))

    def _count_stale(self, episode: Episode, truth: Truth) -> None:
        for seen in episode.live_effects:
            if seen.side in LEGACY_SIDES and self._is_stale(episode.subject, seen, truth):
                self._counts.go_stale(episode.calls[0])

    def _is_stale(self, subject: int, seen: LiveEffect, truth: Truth) -> bool:
        """Tell whether a legacy frame is older than what the canonical had put on the page."""
        said = read_legacy(as_effect(seen))
        shown = seen.context.base_version if isinstance(seen.context, Shown) else None
        if said is None or shown is None or said.is_of(truth.uni, truth.ton):
            return False
        placed = self._looks.place(subject, said.uni, said.ton)
        return placed is not None and placed < shown


def _shape(states: Iterable[ConnectionState]) -> set[tuple[str, bool]]:
    return {(state.id, state.is_open) for state in states}

"""The canonical's shadow: with what nobody calls for, in some episodes."""

from functools import partial

from shim.balance.doubles import PUBLISH, BusDouble
from shim.balance.rehearsal import (
    HANDOVER_S,
    STREAK_S,
    Guest,
    RehearsingReader,
    guest_at,
    heard_at,
    is_handed_over,
    is_overtaken,
    is_streak,
    is_unreadable,
)
from shim.balance.shadow import Shadow, each_once, said_by_shadow
from shim.changed_argument import ArgumentChangedError
from shim.legacy.ports import TimerHandle
from shim.migration import CallContext
from shim.ports import NewCanonical, NewHint, TruthReader, Unavailable
from shim.shadow.effects import Effect
from shim.shadow.events import LiveCall
from shim.sides import Side


class CanonicalShadow(Shadow):
    """The canonical service, as if it had been serving."""

    def __init__(
        self,
        *,
        new_canonical: NewCanonical,
        new_hint: NewHint,
        unavailable: Unavailable,
        truth: TruthReader,
        start: float,
    ) -> None:
        super().__init__(Side.CANONICAL_SHADOW, start=start)
        self._truth = RehearsingReader(
            truth,
            notify=self._notify,
            unavailable=unavailable,
            monotonic=self._clock.monotonic,
        )
        bus = BusDouble(self._note_publication)
        self._service = new_canonical(self._clock, self._truth, bus, lambda _: True)
        self._new_hint = new_hint
        self._subject = 0
        self._to_hand_over: set[int] = set()
        self._handed_over: list[int] = []
        self._cut_short: set[int] = set()
        self._to_notify_again: set[int] = set()
        self._streaks: dict[int, list[TimerHandle]] = {}
        self._said_by_shadow = said_by_shadow()

    def advance_to(self, moment: float) -> None:
        """Let the timers fire up to `moment`, once whoever is to be handed over was."""
        lost, self._handed_over = self._handed_over, []
        for subject in lost:
            self._hand_over(subject)
        self._said_by_shadow.run(super().advance_to, moment)

    @property
    def reads_well(self) -> bool:
        """Whether nothing but the candidate itself could make it late."""
        return self._truth.reads_well

    def enter(self, subject: int, call: LiveCall) -> None:
        """Register a double of each connection.

        Each has a base version from the start, so that the service greets nobody; the
        right one is set as soon as the database was looked at.
        """
        self._cut_short.discard(subject)
        for state in each_once(CallContext.of(call).connections):
            double = self._double_of(subject, state)
            double.base_version = 0
            self._service.register_connection(subject, double)

    def set_base(self, subject: int, base: int, *, newest: int) -> Guest | None:
        """Let the user's pages show version `base`. Return which guest joins them.

        `newest` is the version that the database holds.
        """
        doubles = self.doubles(subject)
        if not any(double.is_open for double in doubles):
            return None
        for double in doubles:
            double.base_version = base
        if is_handed_over(base):
            self._to_hand_over.add(subject)
        if is_overtaken(base):
            self._truth.overtaken.add(subject)
        if is_streak(base):
            self._to_notify_again.add(subject)
        if is_unreadable(base):
            self._truth.unreadable.add(subject)
        guest = guest_at(base)
        if guest is None:
            return None
        double = self._double(subject, guest)
        if guest is Guest.BEHIND:
            double.base_version = base - 1
        elif guest is Guest.OVERHEARD:
            double.base_version, self._truth.placed[subject] = base - 1, base
        elif guest is Guest.MISLED:
            double.base_version = newest
        if guest in (Guest.OVERHEARD, Guest.MISLED):
            double.overheard = heard_at(base)
        self._service.register_connection(subject, double)
        return guest

    def call(self, call: LiveCall) -> object:
        """Notify with a hint of its own. Raises ArgumentChangedError if it was changed."""
        value = self._notify(call.subject)
        if call.subject in self._to_hand_over:
            self._to_hand_over.discard(call.subject)
            # Not now: how long that takes is no part of how long the call takes.
            self._handed_over.append(call.subject)
        if call.subject in self._to_notify_again:
            self._to_notify_again.discard(call.subject)
            again = partial(self._notify_again, call.subject)
            self._streaks[call.subject] = [self._clock.call_later(at, again) for at in STREAK_S]
        return value

    def _notify_again(self, subject: int) -> None:
        self._notify(subject)

    def _notify(self, subject: int) -> object:
        self._subject = subject
        hint = self._new_hint(subject)
        value = self._service.notify_balance_update(hint)
        if hint != self._new_hint(subject):
            raise ArgumentChangedError(f"the hint was changed to {hint!r}: leave it as it was")
        return value

    def _note_publication(self, user_id: int) -> None:
        """Note it with whoever was spoken of last: the service publishes within the call."""
        effect = Effect(PUBLISH, self.name, "bus", user_id, self._clock.monotonic())
        self._effects.setdefault(self._subject, []).append(effect)

    def is_idle(self, subject: int) -> bool:
        """Whether no window of the user is open."""
        return not self._service.is_pending(subject)

    def leave(self, subject: int) -> list[Effect]:
        """Remove the doubles and return what was said to them."""
        self._to_hand_over.discard(subject)
        self._to_notify_again.discard(subject)
        for timer in self._streaks.pop(subject, ()):
            timer.cancel()
        self._truth.forget(subject)
        doubles, effects = self._forget(subject)
        for double in doubles:
            self._service.remove_connection(subject, double)
        if self._service.is_pending(subject):
            if not self.reads_well:
                self._cut_short.add(subject)
            # It would close in the user's next episode, before that one knows what pages show.
            self._hand_over(subject)
        return effects

    def take_cut_short(self, subject: int) -> bool:
        """Tell once whether the user left before a read that had failed was made again."""
        if subject not in self._cut_short:
            return False
        self._cut_short.discard(subject)
        return True

    def _hand_over(self, subject: int) -> None:
        self._truth.handing_over = True
        try:
            self._said_by_shadow.run(
                self._service.relinquish, subject.__eq__, read_timeout=HANDOVER_S
            )
        finally:
            self._truth.handing_over = False

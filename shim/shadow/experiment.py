"""The whole story of shadow verification, read top to bottom.

Calls and live effects come in as they happened. A subject's first call opens an episode:
the binding says which shadows belong to it, each is shown every call of the episode on a
virtual clock, and when neither the live side nor a shadow has anything pending the episode
is closed (at the latest after a second, by force). The binding turns what was observed
into pairs of structures, one pair for each comparison; what differs is a divergence.

One experiment belongs to one thread. Whatever a shadow raises, `SystemExit` included,
ends here as data. What comparing or publishing raises costs its own result: see `Faults`.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from shim.shadow.carried import Carried
from shim.shadow.conclude import conclude
from shim.shadow.counts import Counts
from shim.shadow.episode import EPISODE_LIMIT, Episode
from shim.shadow.events import Event, LiveCall
from shim.shadow.faults import Fault, Faults
from shim.shadow.known import Excuse, nothing_is_known
from shim.shadow.observation import CallOutcome, Raised, observed
from shim.shadow.portions import portions_of
from shim.shadow.result import Judgement, NotCompared, Outcome, Result, left_out
from shim.shadow.shadow_side import ShadowSide
from shim.shadow.world import Publish, World, forget

CLOSED_AT_ONCE, NOTICED_AT_ONCE = 4, 32
"""Episodes between two pauses; to look at the system of record costs more than to judge."""


class Experiment:
    """Turns events into results.

    `timer` gives seconds for the shadows' durations, `excuse` tells what is known.
    `publish_noise` is told where legacy differs from itself; nothing excuses that.
    """

    def __init__(
        self,
        *,
        world: World,
        counts: Counts,
        publish: Publish,
        timer: Callable[[], float],
        excuse: Excuse = nothing_is_known,
        publish_noise: Publish = forget,
    ) -> None:
        self._world = world
        self._counts = counts
        self._publish = publish
        self._publish_noise = publish_noise
        self._timer = timer
        self._open: dict[int, Episode] = {}
        self._carried = Carried(world)
        self._taken = 0
        self._faults = Faults(counts, is_over=lambda: self.abandoned)
        self._excuse = self._faults.excusing(excuse)
        self.abandoned = False
        self.running: tuple[int | None, str] | None = None
        """The subject and side whose code is running now, for whoever finds it stuck."""

    @property
    def open_episodes(self) -> int:
        """How many episodes are under way."""
        return len(self._open)

    def step(
        self,
        now: float,
        take: Callable[[], Iterable[Event]],
        holed: Iterable[int] = (),
        *,
        refuse: NotCompared | None = None,
        waiting: Callable[[], int] = lambda: 0,
        breathe: Callable[[], None] = lambda: None,
    ) -> None:
        """Take in what happened, let timers fire up to `now`, close what is over.

        Who is idle is asked before the events are counted that are `waiting`: a frame that a
        live side sent just before it became idle is then among them, and an episode is over
        once all of them were taken. `holed` are subjects of which an event was lost. With
        `refuse` calls that would open an episode are dropped for that reason. `breathe` is called
        wherever the thread may pause.
        """
        idle = {subject for subject, episode in self._open.items() if self._is_idle(episode)}
        newest = self._taken + waiting()
        for episode in self._open.values():
            episode.whole_at = (episode.whole_at or newest) if episode.subject in idle else None
        self._carried.forget_settled(self._open)
        self._world.next_turn()
        calls = self._ingest(take(), refuse, breathe)
        for subject in holed:
            if subject in self._open:
                self._open[subject].spoil(NotCompared.QUEUE_FULL)
        for side in self._world.sides:
            self._advance(side, now)
        touched = self._run_shadows(calls, now, breathe=breathe)
        quiet = [self._open[subject] for subject in idle - touched]
        over = [episode for episode in quiet if (episode.whole_at or 0) <= self._taken]
        for some in portions_of(CLOSED_AT_ONCE, [*over, *self._overdue(now, over)]):
            self._close(some, now)
            breathe()

    def discard(self, reason: NotCompared) -> None:
        """Close every open episode without comparing it, and take its doubles away."""
        self._count_open(reason)
        for episode in self._open.values():
            self._leave(episode)
        self._carried.add(self._open)
        self._open.clear()

    def abandon(self, reason: NotCompared) -> None:
        """Give up an experiment whose thread is stuck in it; called from another thread.

        From here on nothing that the stuck thread still does is counted or published.
        """
        self.abandoned = True
        self._count_open(reason)

    def _count_open(self, reason: NotCompared) -> None:
        for episode in list(self._open.values()):
            for judgement in left_out(reason, noise=episode.noise):
                self._count(episode, conclude(judgement, callers=()))

    def _count(self, episode: Episode, result: Result) -> None:
        activity = self._counts.activities.name_of(episode.subject)
        callers = (*episode.callers, activity)
        self._counts.add(result, episode.calls[0], callers=callers)

    def _leave(self, episode: Episode) -> None:
        """Take the doubles away; a shadow that raises here has its effects so far noted."""
        for side in episode.shadows:
            try:
                effects = side.leave(episode.subject)
            except BaseException as error:  # noqa: BLE001 - a shadow may raise anything at all
                episode.outcomes[side.name].append(CallOutcome(None, Raised.of(error), 0.0))
                effects = ()
            episode.shadow_effects[side.name] = tuple(effects)

    def _is_idle(self, episode: Episode) -> bool:
        return (
            episode.live_calls_finished
            and self._world.live_is_idle(episode.subject)
            and all(self._side_is_idle(side, episode) for side in episode.shadows)
        )

    def _side_is_idle(self, side: ShadowSide, episode: Episode) -> bool:
        """Ask a shadow; of one that cannot say, the episode cannot be compared."""
        try:
            return side.is_idle(episode.subject)
        except BaseException as error:  # noqa: BLE001 - a shadow may raise anything at all
            self._faults.note(Fault.SETTLING, error)
            episode.spoil(NotCompared.BROKEN)
            return True

    def _ingest(
        self, events: Iterable[Event], refuse: NotCompared | None, breathe: Callable[[], None]
    ) -> list[LiveCall]:
        """Put events into their episodes; a first call opens one. Return the calls."""
        calls = []
        for event in events:
            self._taken += 1
            if isinstance(event, LiveCall):
                if refuse is not None and event.subject not in self._open:
                    self._counts.drop(event, refuse)
                    continue
                episode = self._open.get(event.subject) or self._open_episode(event)
                if event.serving != episode.serving:
                    episode.spoil(NotCompared.FLIPPED)
                episode.calls.append(event)
                # Not before it has a call: whoever gives this thread up counts what is open.
                self._open[event.subject] = episode
                calls.append(event)
                self._counts.take_up(event)
                breathe()
            elif event.subject in self._open:
                self._open[event.subject].live_effects.append(event)
        return calls

    def _run_shadows(
        self, calls: Sequence[LiveCall], now: float, *, breathe: Callable[[], None]
    ) -> set[int]:
        """Show the calls to their shadows, all at the moment of this turn. Return whose they are.

        Calls of one turn lie at most a few milliseconds apart. Run at one moment, windows
        that they open close at one moment too, and are read together.
        """
        touched = {call.subject for call in calls}
        for some in portions_of(NOTICED_AT_ONCE, [self._open[subject] for subject in touched]):
            self._world.notice(some)
            breathe()
        for call in calls:
            episode = self._open[call.subject]
            episode.shown_at = now
            for side in episode.shadows:
                episode.outcomes[side.name].append(self._observe(side, call))
            breathe()
        return touched

    def _open_episode(self, call: LiveCall) -> Episode:
        self._counts.begin_episode(call)
        shadows = tuple(self._world.shadows_for(call))
        episode = Episode(call.subject, call.started, call.serving, shadows)
        if call.subject in self._carried:
            episode.spoil(NotCompared.FORCED)
        for side in shadows:
            episode.outcomes[side.name] = []
            try:
                side.enter(call.subject, call)
            except BaseException as error:  # noqa: BLE001 - a shadow may raise anything at all
                episode.outcomes[side.name].append(CallOutcome(None, Raised.of(error), 0.0))
        return episode

    def _observe(self, side: ShadowSide, call: LiveCall) -> CallOutcome:
        self.running = (call.subject, side.name)
        outcome = observed(side.call, call, timer=self._timer)
        self.running = None
        return outcome

    def _advance(self, side: ShadowSide, moment: float) -> None:
        """Fire a side's timers; what one raises is an error of each of its episodes."""
        self.running = (None, side.name)
        try:
            side.advance_to(moment)
        except BaseException as error:  # noqa: BLE001 - a shadow may raise anything at all
            outcome = CallOutcome(None, Raised.of(error), 0.0)
            for episode in self._open.values():
                if side in episode.shadows and not self._side_is_idle(side, episode):
                    episode.outcomes[side.name].append(outcome)
        self.running = None

    def _overdue(self, now: float, over: Collection[Episode]) -> list[Episode]:
        """Return what is closed by force; what is idle by now is over in one of the next steps.

        What is `over` anyway may have become busy again since that was found.
        """
        late = [
            episode
            for episode in self._open.values()
            if now - episode.opened_at >= EPISODE_LIMIT
            and episode not in over
            and not self._is_idle(episode)
        ]
        for episode in late:
            self._counts.force(episode.calls[0])
            self._carried.add((episode.subject,))
            # A shadow that forgot its work is judged: leaving it out would reward silence.
            if not (episode.is_quiet(now) and self._world.live_is_idle(episode.subject)):
                episode.spoil(NotCompared.FORCED)
        return late

    def _close(self, episodes: Sequence[Episode], now: float) -> None:
        if self.abandoned:
            return
        for episode in episodes:
            del self._open[episode.subject]
            episode.closed_at = now
            self._leave(episode)
            for side, seconds, raised in episode.runs():
                self._counts.ran(episode.calls[0], side, seconds, raised=raised)
        for episode, judgements in zip(episodes, self._judge(episodes), strict=True):
            for judgement in judgements:
                result = self._conclude(episode, judgement)
                self._count(episode, result)
                if result.outcome in (Outcome.MISMATCHED, Outcome.KNOWN):
                    publish = self._publish_noise if result.noise else self._publish
                    with self._faults.noted(Fault.PUBLISHING):
                        publish(episode, result)

    def _conclude(self, episode: Episode, judgement: Judgement) -> Result:
        paths = {call.path for call in episode.calls}
        try:
            return conclude(judgement, callers=paths, excuse=self._excuse)
        except BaseException as error:  # noqa: BLE001 - it compares what a shadow returned
            self._faults.note(Fault.COMPARING, error)
            return Result(
                judgement.comparison,
                Outcome.NOT_COMPARED,
                NotCompared.BROKEN,
                noise=judgement.noise,
            )

    def _judge(self, episodes: Sequence[Episode]) -> Sequence[Sequence[Judgement]]:
        """Judge what can be judged; a spoiled episode counts under its reason, three times."""
        sound = [episode for episode in episodes if episode.spoiled is None]
        found: Sequence[Sequence[Judgement]] = ()
        with self._faults.noted(Fault.JUDGING):
            found = self._world.judge(sound) if sound else ()
        judged = iter(found)
        return [
            next(judged, left_out(NotCompared.BROKEN, noise=episode.noise))
            if episode.spoiled is None
            else left_out(episode.spoiled, noise=episode.noise)
            for episode in episodes
        ]

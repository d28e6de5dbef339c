"""What the three comparisons of one episode are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shim.balance.life.lives import Lived
from shim.balance.reader_probe import Probed
from shim.balance.rehearsal import Guest
from shim.balance.truth import Record, UtcAt
from shim.balance.waits import Spoken
from shim.ports import Truth
from shim.shadow.effects import Effect
from shim.shadow.episode import Episode
from shim.shadow.latency import LatencyClass
from shim.shadow.observation import Observation

Slower = Mapping[str, tuple[LatencyClass, LatencyClass]]
"""Which phase takes the second of two sides far longer again and again, and the classes of both."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a closed episode.

    `aliases` maps the ids of the connections at the first call to stable names, open ones
    only; `seen` is the version that the database had after the last call; `behind` whether
    a page lacked, at the first call, more than what the episode's calls speak of, `ahead`
    whether one showed all there was: a sweep or a greeting had come before the call. `greeting`
    whether one was still to be greeted. `guest` is the page that joined for a rehearsal;
    `held_back` how many frames the live canonical tried to send to this user while another side
    served. `twins` are legacy twice, for the noise floor. `utc_at` tells the time of the
    canonical's clock, None if that is the live one. `spoken` is what its pages had to be shown in
    time, nothing where that cannot be held against it. `leaves_threads` is whether the canonical's
    shadow keeps leaving threads behind. `read` is what its reader answered, where it was probed,
    `lived` what came of the life that followed, where one did.
    `skipped` is what the counterfactual would have sent to live pages, had no dead connection stood
    before them.
    """

    episode: Episode
    production: Observation
    canonical: Observation
    counterfactual: Observation
    aliases: Mapping[str, str]
    records: Mapping[str, Record]
    truth: Truth
    seen: int
    behind: bool
    raced: bool
    slower: Slower = field(default_factory=dict)
    twins: tuple[Observation, Observation] | None = None
    twins_slower: Slower = field(default_factory=dict)
    ahead: bool = False
    greeting: bool = False
    guest: Guest | None = None
    held_back: int = 0
    utc_at: UtcAt | None = None
    spoken: Sequence[Spoken] = ()
    leaves_threads: bool = False
    read: Probed | None = None
    skipped: Sequence[Effect] = ()
    lived: Lived | None = None

"""Which observations of an episode are production's, the canonical's, and legacy's twice."""

from shim.shadow.episode import Episode
from shim.shadow.observation import Observation
from shim.sides import Side

LEGACY_SIDES = frozenset({Side.CONNECTION_AWARE, Side.USER_ID_ONLY})


def canonical_of(episode: Episode) -> Observation:
    """Return what the canonical did: live, or as a shadow."""
    if episode.serving == Side.CANONICAL:
        return episode.live(Side.CANONICAL, {Side.CANONICAL})
    return episode.shadow(Side.CANONICAL_SHADOW)


def production_of(episode: Episode) -> Observation:
    """Return what production did: live, or as a shadow where the canonical served."""
    if episode.serving == Side.CANONICAL:
        return episode.shadow(Side.PRODUCTION_SHADOW)
    return episode.live(Side.LEGACY, LEGACY_SIDES)


def twins_of(
    episode: Episode, counterfactual: Observation
) -> tuple[Observation, Observation] | None:
    """Return legacy twice: live and as a shadow, or as two shadows."""
    if not episode.noise:
        return None
    twin = episode.shadows[-1].name
    if twin == Side.PRODUCTION_SHADOW:
        return episode.live(Side.LEGACY, LEGACY_SIDES), episode.shadow(twin)
    return counterfactual, episode.shadow(twin)

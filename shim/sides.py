"""The names of the sides and of the paths that lead to them."""

from enum import StrEnum


class Side(StrEnum):
    """An implementation, live or as a shadow."""

    LEGACY = "legacy"
    """Whichever of the two legacy services belongs to the path of the call."""
    CONNECTION_AWARE = "legacy_connection_aware"
    USER_ID_ONLY = "legacy_user_id_only"
    CANONICAL = "canonical"
    CANONICAL_SHADOW = "canonical_shadow"
    LEGACY_SHADOW = "legacy_shadow"
    """The legacy of a migration that has one, and nothing around it."""
    PRODUCTION_SHADOW = "production_shadow"
    """The two legacy services with just the connections that production gives them."""
    COUNTERFACTUAL = "counterfactual_legacy"
    """The two legacy services with every connection and, where it was wrong, the argument."""
    TWIN = "counterfactual_twin"
    """The counterfactual once more, asked as late as the canonical reads: for the noise floor."""


class Path(StrEnum):
    """The two historic import paths."""

    CONNECTION_AWARE = "connection_aware"
    USER_ID_ONLY = "user_id_only"

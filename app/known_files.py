"""Where the known divergences of each migration are, and which of them bar the way to complete."""

from collections.abc import Callable, Mapping

from app.instance_paths import InstancePaths
from app.known_words import active
from flags.decision import BALANCE_NOTIFICATIONS, FARMING_INCOME, MIGRATIONS
from shim.balance.known import SHIPPED as BALANCE_SHIPPED
from shim.income.known import SHIPPED as INCOME_SHIPPED
from shim.known_store import KnownFile, KnownStore, KnownStoreError
from shim.shadow.known import KnownDivergence

SHIPPED: Mapping[str, tuple[KnownDivergence, ...]] = {
    BALANCE_NOTIFICATIONS.migration: BALANCE_SHIPPED,
    FARMING_INCOME.migration: INCOME_SHIPPED,
}
"""What comes with the project, by migration."""


def known_file(paths: InstancePaths, migration: str) -> KnownFile:
    """Return what keeps the known divergences of a migration."""
    return KnownFile(paths.known_file_of(migration), shipped=SHIPPED[migration])


def not_meant_to_stay(store: KnownStore) -> str | None:
    """Return which known divergences keep everybody from being moved, None if none does."""
    try:
        known = store.read()
    except KnownStoreError as error:
        return str(error)
    blocking = [each.id for each in active(known) if not each.stays]
    if not blocking:
        return None
    return (
        f"{', '.join(blocking)} {'is' if len(blocking) == 1 else 'are'} known"
        " and not meant to stay. Repair the cause and `flask shadow known end` it; or, if it"
        " is to stay, end it and accept it again with --stays"
    )


def bars_of(paths: InstancePaths) -> Callable[[str], str | None]:
    """Return what tells, by the name of a canonical flag, why nobody may move everybody."""
    files = {pair.canonical: known_file(paths, pair.migration) for pair in MIGRATIONS}
    return lambda flag: not_meant_to_stay(files[flag])

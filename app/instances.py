"""Whether a folder is that of an instance that was served, and which folders near it are."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from app.environment import distance
from app.instance_paths import InstancePaths
from app.settings import Settings, SettingsError

MOST_LOOKED_AT = 1000
"""Folders of one parent that are looked at."""
MOST_NAMED = 5
DATABASE = "app.db"


def was_served(folder: Path) -> bool:
    """Tell whether a service, or what prepares one, left its files there."""
    paths = InstancePaths(folder)
    flags = (paths.flag_file, paths.kept_flag_file, paths.latch_file)
    # Not `run` or `log`: other folders have such as well.
    own = (paths.key_file, paths.secret_file, paths.guard_lock, folder / DATABASE)
    return any(_is_there(mark) for mark in (*flags, *own))


def refuse_strange_instance(settings: Settings) -> None:
    """Raise SettingsError for a folder in which nothing was ever served.

    An order that is written there reaches nobody, and would look as if it were done. Where the
    kill switch is on servers as well, those are what other workers follow.
    """
    folder = settings.instance_path
    if settings.shared_database or settings.notify_bus_url is not None or was_served(folder):
        return
    near = ", ".join(str(each) for each in islice(instances_near(folder), MOST_NAMED))
    there = "holds no instance" if _is_there(folder) else "is not there"
    raise SettingsError(
        f"SHIM_INSTANCE is {str(folder)!r}: the folder {there}, no service was ever started on it,"
        " and nothing was done. "
        + (f"Folders of instances: {near}. " if near else "")
        + "Give the folder that the service was started with"
    )


def instances_near(folder: Path) -> Iterator[Path]:
    """Yield the folders of instances that may be meant, the likeliest first."""
    parents = [folder, *folder.parents]
    present = next(each for each in parents if _is_there(each))
    rest = folder.relative_to(present).parts[1:]
    around = {*_folders(present), *_folders(present.parent), *_folders(Path.cwd())}
    found = {each.joinpath(*rest) for each in around} | around | {Path.cwd() / "instance"}
    # A name such as `instance` alone says little: the whole path is compared.
    ranked = sorted(found - {folder}, key=lambda each: (distance(str(each), str(folder)), each))
    return (each for each in ranked if was_served(each))


def _folders(parent: Path) -> list[Path]:
    try:
        return [each for each in islice(parent.iterdir(), MOST_LOOKED_AT) if each.is_dir()]
    except OSError:
        return []


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False

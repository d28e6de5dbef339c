"""Where an instance keeps its files."""

from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from flags.decision import BALANCE_NOTIFICATIONS


@dataclass(frozen=True, slots=True)
class InstancePaths:
    """The instance's folder, and all that is in it but the database."""

    instance_path: Path

    @property
    def rollback_file(self) -> Path:
        """Whoever makes it rolls back."""
        return self.instance_path / "rollback"

    @property
    def flag_file(self) -> Path:
        """The flags, in Unleash's client-features format."""
        return self.instance_path / "flags.json"

    @property
    def kept_flag_file(self) -> Path:
        """What an Unleash server held last."""
        return self.instance_path / "unleash.json"

    @property
    def targets_file(self) -> Path:
        """What the flags of an Unleash server are meant to be."""
        return self.instance_path / "targets.json"

    @property
    def flag_hint_file(self) -> Path:
        """The newest revision that a worker of this host was told of."""
        return self.run_path / "flag-hint.json"

    @property
    def latch_file(self) -> Path:
        """The kill switch."""
        return self.instance_path / "latch.json"

    @property
    def history_file(self) -> Path:
        """The audit trail."""
        return self.instance_path / "history.jsonl"

    def known_file_of(self, migration: str) -> Path:
        """Return where the known divergences of a migration are that were accepted."""
        suffix = "" if migration == BALANCE_NOTIFICATIONS.migration else f"-{migration}"
        return self.instance_path / f"known{suffix}.json"

    @property
    def run_path(self) -> Path:
        """The folder of the workers' files."""
        return self.instance_path / "run"

    @property
    def log_path(self) -> Path:
        """The folder of the shadow log's files, one for each worker."""
        return self.instance_path / "log"

    @property
    def key_file(self) -> Path:
        """The key under which user ids are hashed in the log."""
        return self.instance_path / "log.key"

    @property
    def secret_file(self) -> Path:
        """The key that stands in for `secret_key` where none is set."""
        return self.instance_path / "secret.key"

    @property
    def signed_in_file(self) -> Path:
        """It is there once somebody was seen to sign in."""
        return self.instance_path / "signed-in"

    @property
    def guard_lock(self) -> Path:
        """Held by the one worker of the host that guards over all."""
        return self.instance_path / "guard.lock"

    @property
    def scheduler_lock(self) -> Path:
        """Held by the one worker of the host that runs the schedulers."""
        return self.instance_path / "schedulers.lock"


def instance_paths() -> InstancePaths:
    """Return those of the instance whose command runs, whichever application runs it."""
    paths: InstancePaths = current_app.extensions["paths"]
    return paths

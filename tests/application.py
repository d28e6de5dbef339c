"""An application on a folder of its own, built as every process builds it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from app.database import Database
from app.demo_users import seed
from app.factory import create_app
from app.parts import Parts
from app.settings import Settings
from tests.patience import PATIENCE_S


def until(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as the condition holds; fail once it took too long: see `patience`."""
    within = max(within, PATIENCE_S)
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {within} s"
        time.sleep(0.002)


@dataclass(frozen=True, slots=True)
class Built:
    """An application, built and perhaps started."""

    app: Flask

    @property
    def parts(self) -> Parts:
        """What the factory built."""
        parts: Parts = self.app.extensions["parts"]
        return parts

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and JSON body of a GET."""
        response = self.app.test_client().get(path)
        return response.status_code, response.json

    def run(self, *arguments: str) -> Any:
        """Run `flask …` on this application; exit code and output are in the result."""
        return self.app.test_cli_runner().invoke(args=arguments)


@pytest.fixture
def log_configuration() -> Iterator[None]:
    """Give the process the configuration of its log back that it had before the test."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the content of a database with the users of the demonstration."""
    folder = tmp_path_factory.mktemp("seeded")
    database = Database("sqlite:///app.db", instance_path=folder)
    database.upgrade()
    seed(database)
    database.dispose()
    return (folder / "app.db").read_bytes()


Build = Callable[..., Built]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of an instance in an empty folder, without schedulers."""
    return Settings(instance_path=tmp_path, database_url="sqlite:///app.db", schedulers=False)


@pytest.fixture
def build(settings: Settings) -> Iterator[Build]:
    """Return what builds an application on this test's folder; it is stopped at the end."""
    built: list[Built] = []

    def make(**changes: Any) -> Built:
        one = Built(create_app(replace(settings, **changes)))
        built.append(one)
        return one

    yield make
    for one in reversed(built):
        one.parts.runtime.stop()
        one.parts.database.dispose()


@pytest.fixture
def running(build: Build, settings: Settings, seeded: bytes) -> Built:
    """Return a started application with a database and flags: nothing is amiss."""
    (settings.instance_path / "app.db").write_bytes(seeded)
    built = build()
    built.parts.runtime.start()
    return built

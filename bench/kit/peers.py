"""The libraries that others use for the same job, set up as their documentation has it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ldclient
from laboratory import Experiment
from ldclient.integrations.test_data import TestData
from ldclient.migrations import MigratorBuilder, Stage
from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache

from flags.body import flag_feature
from flags.decision import CANONICAL_FLAG

Call = Callable[[Any], object]


class Unleash:
    """UnleashClient with our flag at 50 %, from its cache: no server is asked."""

    def __init__(self, folder: Path) -> None:
        cache = FileCache("bench", directory=str(folder))
        cache.bootstrap_from_dict(
            {"version": 2, "features": [flag_feature(CANONICAL_FLAG, percentage=50)]}
        )
        self._client = UnleashClient(
            url="http://127.0.0.1:9/api",
            app_name="bench",
            cache=cache,
            disable_metrics=True,
            disable_registration=True,
        )
        self._client.initialize_client(fetch_toggles=False)

    def call(self, user_id: int) -> bool:
        """Ask whether the flag is on for the user."""
        return self._client.is_enabled(CANONICAL_FLAG, {"userId": str(user_id)})

    def close(self) -> None:
        """End the client's threads."""
        self._client.destroy()


def laboratory(control: Call, candidate: Call) -> Call:
    """Return a call that conducts laboratory's experiment, one per call as it asks for."""

    def conduct(argument: object) -> object:
        experiment = Experiment()
        experiment.control(control, args=[argument])
        experiment.candidate(candidate, args=[argument])
        return experiment.conduct()

    return conduct


class LaunchDarkly:
    """LaunchDarkly's migrator in its shadow stage, on its own test data: no server is asked.

    Order of execution and measurements are its defaults: both sides at once, on a pool.
    """

    def __init__(self, control: Call, candidate: Call) -> None:
        source = TestData.data_source()
        stages = [stage.value for stage in Stage]
        flag = source.flag("migration").variations(*stages)
        source.update(flag.variation_for_all(stages.index(Stage.SHADOW.value)))
        config = ldclient.Config("bench", update_processor_class=source, send_events=False)
        self._client = ldclient.LDClient(config)
        self._migrator = (
            MigratorBuilder(self._client)
            .read(_succeeding(control), _succeeding(candidate), lambda old, new: old == new)
            .write(_succeeding(control), _succeeding(candidate))
            .build()
        )

    def call(self, user_id: int) -> object:
        """Read through the migrator."""
        context = ldclient.Context.create(str(user_id))
        return self._migrator.read("migration", context, Stage.OFF, user_id)

    def close(self) -> None:
        """End the client's threads."""
        self._client.close()


def _succeeding(call: Call) -> Callable[[Any], ldclient.Result]:
    return lambda argument: ldclient.Result.success(call(argument))

"""One path of calls: served by the side that the routing table names, shown to the shadows."""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from shim.router import Router
from shim.routing import Route, RoutingTable
from shim.shadow.events import ERROR, FINISHED, VALUE, LiveCall, Note
from shim.sides import Side

# Python 3.11 looks a member up in Python code each time: that is felt on the callers' path.
_LEGACY, _CANONICAL = Side.LEGACY, Side.CANONICAL
_frame = sys._getframe

_DEPTH = 2
"""Frames from `_route` to the drop-in's caller; the drop-in's own method is between them."""

Serve = Callable[[Any], object]


class RoutedCalls:
    """The base of a drop-in: `method` is what the canonical is called by.

    A public method of a drop-in calls `_route` itself: who called is found by that. It hands over
    the legacy's method, which is looked up faster where its name is known.
    """

    path: ClassVar[str]
    method: ClassVar[str]

    def __init__(self, router: Router) -> None:
        self._router = router
        self._journal = router.journal
        self._method = self.method
        self._tally = router.tallies[self.path]

    def _route(self, user_id: int, argument: object, legacy: Serve, depth: int = _DEPTH) -> object:
        """Route one call. `argument` goes on unchanged; `depth` leads to whoever called."""
        router = self._router
        table = router.table
        route = table.get(user_id) or table.route(user_id)
        if route.canonical:
            return self._serve_canonical(table, route, user_id, argument, legacy, depth + 1)
        self._tally.legacy += 1
        if not route.shadows:
            if table.samples:
                code = _caller(depth)
                tally = router.unsampled.get(id(code)) or router.begin_unsampled(code)
                tally.legacy += 1
            return legacy(argument)
        return self._serve_observed(_LEGACY, route, user_id, argument, legacy, argument, depth)

    def _serve_canonical(
        self,
        table: RoutingTable,
        route: Route,
        user_id: int,
        argument: object,
        legacy: Serve,
        depth: int,
    ) -> object:
        router = self._router
        inside, token = router.gate.inside, object()
        inside.add(token)
        if router.table is not table:
            # A flip came between the decision and the entry: see Gate. Decide again.
            inside.discard(token)
            return self._route(user_id, argument, legacy, depth + 1)
        self._tally.canonical += 1
        serve = getattr(router.canonical, self._method)
        given = argument if route.hint is None else route.hint
        try:
            if not route.shadows:
                if table.samples:
                    code = _caller(depth)
                    tally = router.unsampled.get(id(code)) or router.begin_unsampled(code)
                    tally.canonical += 1
                return serve(given)
            return self._serve_observed(_CANONICAL, route, user_id, argument, serve, given, depth)
        finally:
            inside.discard(token)

    def _serve_observed(
        self,
        serving: Side,
        route: Route,
        user_id: int,
        argument: object,
        serve: Serve,
        given: object,
        depth: int,
    ) -> object:
        """Note the call for the shadows, then run the live side on what it is `given`.

        Its value or its own exception is the caller's.
        """
        router = self._router
        monotonic, queue = router.monotonic, router.queue
        self._tally.sampled += 1
        try:
            caller = _frame(depth + 1).f_code
        except ValueError:
            caller = _frame(depth).f_code
        try:
            note: Note = [
                monotonic(),
                self.path,
                user_id,
                argument,
                serving,
                route,
                self._journal.changes,
                caller,
                None,
                None,
                None,
            ]
            # Not by `offer`, nor the caller by `_caller`: each call of one is felt here.
            if len(queue.waiting) < queue.limit:
                queue.waiting.append(note)
            else:
                queue.drop(LiveCall.of(note))
        except Exception as error:  # noqa: BLE001 - a snapshot that fails must cost no caller its call
            router.report_unobserved(error)
            return serve(given)
        try:
            note[VALUE] = value = serve(given)
        except BaseException as error:
            note[ERROR] = error
            note[FINISHED] = monotonic()
            raise
        note[FINISHED] = monotonic()
        return value


def _caller(depth: int) -> object:
    """Return the code object of whoever called the drop-in, `depth` frames behind the asker.

    Where nobody did, because a thread was started on the drop-in's method, it is that method.
    """
    try:
        return _frame(depth + 1).f_code
    except ValueError:
        return _frame(depth).f_code

"""One path of calls: served by the side that the routing table names, shown to the shadows."""

import sys
from collections.abc import Callable
from typing import Any, ClassVar

from shim.router import Router
from shim.routing import Route, RoutingTable
from shim.shadow.events import LiveCall
from shim.sides import Side

# Python 3.11 looks a member up in Python code each time: that is felt on the callers' path.
_LEGACY, _CANONICAL = Side.LEGACY, Side.CANONICAL


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
        self._method = self.method
        self._tally = router.tallies[self.path]

    def _route(self, user_id: int, argument: object, legacy: Serve) -> object:
        """Route one call. `argument` goes on unchanged."""
        router = self._router
        table = router.table
        route = table.get(user_id) or table.route(user_id)
        if route.canonical:
            return self._serve_canonical(table, route, user_id, argument, legacy)
        self._tally.legacy += 1
        if not route.shadows:
            if table.samples:
                # Not by a function: each call of one costs as much as all of this. After a
                # flip in mid-call, which decides anew, the call counts as the facade's own.
                code = sys._getframe(2).f_code
                tally = router.unsampled.get(id(code)) or router.begin_unsampled(code)
                tally.legacy += 1
            return legacy(argument)
        return self._serve_observed(_LEGACY, route, user_id, argument, legacy, argument)

    def _serve_canonical(
        self, table: RoutingTable, route: Route, user_id: int, argument: object, legacy: Serve
    ) -> object:
        router = self._router
        inside, token = router.gate.inside, object()
        inside.add(token)
        if router.table is not table:
            # A flip came between the decision and the entry: see Gate. Decide again.
            inside.discard(token)
            return self._route(user_id, argument, legacy)
        self._tally.canonical += 1
        serve = getattr(router.canonical, self._method)
        given = argument if route.hint is None else route.hint
        try:
            if not route.shadows:
                if table.samples:
                    code = sys._getframe(3).f_code
                    tally = router.unsampled.get(id(code)) or router.begin_unsampled(code)
                    tally.canonical += 1
                return serve(given)
            return self._serve_observed(_CANONICAL, route, user_id, argument, serve, given)
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
    ) -> object:
        """Snapshot the call for the shadows, then run the live side on what it is `given`.

        Its value or its own exception is the caller's.
        """
        router = self._router
        monotonic = router.monotonic
        self._tally.sampled += 1
        try:
            context = router.context(user_id)
            call = LiveCall(
                monotonic(), self.path, user_id, argument, serving, route, context, _caller(serving)
            )
            router.queue.offer(call)
        except Exception as error:  # noqa: BLE001 - a snapshot that fails must cost no caller its call
            router.report_unobserved(error)
            return serve(given)
        try:
            call.value = value = serve(given)
        except BaseException as error:
            call.error = error
            raise
        finally:
            call.finished = monotonic()
        return value


def _caller(serving: Side) -> object:
    """Return the code object of whoever called the drop-in.

    Each frame that is looked at costs, so the look begins at the drop-in's own method: behind
    `_serve_observed` and `_route`, and where the canonical serves `_serve_canonical`; a flip in
    between puts more of ours there. A thread may have been started on the drop-in's method.
    """
    frame = sys._getframe(3 if serving is _LEGACY else 4)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return (frame.f_back or frame).f_code

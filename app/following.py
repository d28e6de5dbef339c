"""Builds what follows flags and kill switch in a worker, and answers for what it follows."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.adapters.questions import Questions
from app.deciding import Deciding
from app.parts import Course
from app.reach import ChangedCounts, Reach
from app.runtime import Control
from app.settings import Settings
from app.settings_digest import settings_digest
from app.web.admission import Admission
from shim.explain import explain, explain_route
from shim.migration import Migration
from shim.router import FlipsAll, Router


def build_control(
    settings: Settings,
    deciding: Deciding,
    courses: Mapping[str, Course],
    *,
    reach: Reach,
    admission: Admission,
) -> Control:
    """Build it; nothing is started."""
    each = tuple(courses.values())
    return Control(
        kill_switch=deciding.kill_switch,
        provider=deciding.provider,
        migration=FlipsAll(tuple(course.router for course in each)),
        workers=deciding.workers,
        answer=_answering(deciding.questions, [course.router for course in each]),
        count=_counting(each, reach, admission),
        watch=_doing(
            deciding.rollback_file.poll,
            deciding.flag_hints.poll,
            deciding.instance_check.poll,
            *(course.known.poll for course in each),
        ),
        # Whoever is served anew gets at once what was missed, and what was counted is handed in.
        flipped=_doing(reach.sweep.hurry, *(course.shadowing.bookkeeper.hurry for course in each)),
        problems=lambda: [
            *deciding.instance_check.problems,
            *(problem for course in each for problem in course.problems),
            *_said(deciding.provider.problem),
        ],
        settings=settings_digest(settings),
    )


def _said(problem: str | None) -> tuple[str, ...]:
    return () if problem is None else (f"flags: {problem}",)


def _doing(*tasks: Callable[[], object]) -> Callable[[], None]:
    """Return what does several things, one after the other."""

    def do() -> None:
        for task in tasks:
            task()

    return do


def _counting(courses: Iterable[Course], reach: Reach, admission: Admission) -> Callable[[], None]:
    """Return what writes down the counts of this worker."""
    changed = ChangedCounts(lambda: {**reach.snapshot(), "admission": admission.snapshot()})

    def count() -> None:
        for course in courses:
            course.shadowing.count()
        changed()

    return count


def _answering(questions: Questions, routers: Iterable[Router]) -> Callable[[], None]:
    """Return what answers the questions that the command line puts to this worker."""
    by_name = {router.pair.migration: router for router in routers}

    def answer(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind != "why":
            raise ValueError(f"{kind!r} is not a question that a worker knows: ask 'why'")
        router = by_name[payload["migration"]]
        explained = explain if isinstance(router, Migration) else explain_route
        return explained(router, payload["user"])

    return lambda: questions.answer_pending(os.getpid(), answer)

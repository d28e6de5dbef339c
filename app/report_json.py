"""The report as plain data for programs."""

from typing import Any

from app.known_words import known_json
from shim.report import Report


def report_json(report: Report) -> dict[str, Any]:
    """Return the report; each verdict names the known divergences that hold."""
    hits = report.hits
    known = [known_json(each, hits.get(each.id, 0)) for each in report.known]
    told = report.as_json()
    shown = ("id", "comparison", "owner", "until")
    named = [{name: each[name] for name in shown} for each in known]
    stages: Any = told["stages"]
    for verdicts in (told["comparisons"], *stages.values()):
        for verdict in verdicts.values():
            verdict["known_divergences"] = named
    return {**told, "known": known, "problem": report.known_problem}

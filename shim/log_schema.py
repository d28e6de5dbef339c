"""The JSON Schema of the shadow log, made from the records that are written and read."""

from pathlib import Path
from typing import Any

import msgspec

from shim.log_lines import CountsLine, DivergenceCountsLine
from shim.log_records import Divergence
from shim.shadow.publisher import FORMAT

SCHEMA_FILE = Path(__file__).parent / "schema" / "shadow-log.schema.json"
"""Where the schema is kept for readers in other languages; a test holds that it is this one."""

_HEAD = {
    "v": {"const": FORMAT},
    "host": {"type": "string"},
    "worker": {"type": "integer"},
    "started": {"type": "number"},
}
_TYPED = ("divergence", "divergence_counts", "shadow_counts")


def log_schema() -> dict[str, Any]:
    """Return the schema of one line."""
    _, parts = msgspec.json.schema_components(
        (Divergence, CountsLine, DivergenceCountsLine), ref_template="#/$defs/{name}"
    )
    divergence = parts["Divergence"]
    divergence["properties"] = {**_HEAD, **divergence["properties"]}
    divergence["required"] = [*_HEAD, *divergence["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of the shadow log",
        "anyOf": [
            {"$ref": "#/$defs/Divergence"},
            {"$ref": "#/$defs/CountsLine"},
            {"$ref": "#/$defs/DivergenceCountsLine"},
            {"$ref": "#/$defs/OtherEvent"},
        ],
        "$defs": {**parts, "OtherEvent": _other_event()},
    }


def _other_event() -> dict[str, Any]:
    """Return the schema of any other event: numbers and words, nothing that could hide a user."""
    return {
        "type": "object",
        "description": "The shadows' own trouble, in single values.",
        "properties": {
            **_HEAD,
            "event": {"type": "string", "not": {"enum": list(_TYPED)}},
            "at": {"type": "string", "format": "date-time"},
        },
        "required": [*_HEAD, "event", "at"],
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }

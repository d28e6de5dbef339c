"""A read that is made again and again: compiled once, and run by the driver itself.

SQLAlchemy takes several times as long over a small read as the database does. Shadows read twice
for each of their episodes, within a share of the processor: there it decides how much is compared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Dialect, PoolProxiedConnection, Select

_Convert = Callable[[Any], Any] | None


class Plain(Protocol):
    """One statement that the driver runs by itself."""

    def rows(
        self, connection: PoolProxiedConnection, parameters: Mapping[str, object]
    ) -> list[Sequence[Any]]:
        """Return what the statement selects."""


class PlainQuery:
    """One statement for one kind of database. May be used from any thread.

    Values are converted as SQLAlchemy does, by the types of the columns; parameters are handed to
    the driver as they are.
    """

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._dialect = dialect
        self._text = str(compiled)
        self._order: list[str] | None = compiled.positiontup
        self._types = [column.type for column in statement.selected_columns]
        self._converters: tuple[_Convert, ...] | None = None

    def rows(
        self, connection: PoolProxiedConnection, parameters: Mapping[str, object]
    ) -> list[Sequence[Any]]:
        """Return what the statement selects."""
        given = parameters if self._order is None else [parameters[name] for name in self._order]
        cursor = connection.cursor()
        try:
            cursor.execute(self._text, given)
            if self._converters is None:
                self._converters = self._converters_for(cursor.description)
            converters = self._converters
            return [
                [
                    value if convert is None else convert(value)
                    for convert, value in zip(converters, row, strict=True)
                ]
                for row in cursor.fetchall()
            ]
        finally:
            cursor.close()

    def _converters_for(self, description: Any) -> tuple[_Convert, ...]:
        """Return what turns the driver's values into the columns' types: its codes are needed."""
        return tuple(
            type_.dialect_impl(self._dialect).result_processor(self._dialect, column[1])
            for type_, column in zip(self._types, description, strict=True)
        )

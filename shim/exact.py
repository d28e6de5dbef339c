"""Amounts as exact decimals, to six places: what everything that is compared is put into."""

from decimal import Context, Decimal

SIX_PLACES = Decimal("0.000001")
WIDE = Context(prec=400)
"""Holds every number of the wire: a binary float has at most 309 digits before the point."""


def amount(value: object) -> Decimal:
    """Return a number of the wire as money; noise beyond the sixth decimal is not compared.

    What is no number, or is too long to be one, becomes NaN. Never raises.
    """
    try:
        exact = value if isinstance(value, Decimal) else _number(value)
        return exact.quantize(SIX_PLACES, context=WIDE)
    except Exception:  # noqa: BLE001 - a value's own `__str__` may raise anything
        return Decimal("NaN")


def in_binary(value: Decimal) -> Decimal:
    """Return what is left of an amount in a binary float, as legacy keeps it.

    Up to 2**33 that is the amount itself; above, the sixth decimal may be another.
    """
    return amount(float(value))


def _number(value: object) -> Decimal:
    return Decimal(value) if type(value) is int else Decimal(str(value))

"""What goes wrong with money and its database, by name.

    CreditError                 a booking was refused; nothing of it was booked
    ├── InvalidCreditError      a part of it can never be booked
    │   └── InvalidAmountError  its amount is no money
    ├── UnknownUserError
    ├── InsufficientFundsError
    ├── BalanceTooLargeError
    └── IdempotencyKeyReusedError
    DatabaseUnavailable         the database cannot be used now
    ├── DatabaseLocked          somebody else holds it
    │   └── DatabaseConflict    it undid a transaction for another one's sake
    └── DatabaseReadOnly        it can be read, not written

Every message names the value, and says what to do.
"""


class CreditError(Exception):
    """A booking was refused; nothing of it was booked."""


class InvalidCreditError(CreditError, ValueError):
    """A part of the booking can never be booked, whatever the balance."""


class InvalidAmountError(InvalidCreditError):
    """Not a finite decimal with at most six places, or out of range."""


class UnknownUserError(CreditError):
    """There is no account for this user."""


class InsufficientFundsError(CreditError):
    """A debit would take a balance below zero."""


class BalanceTooLargeError(CreditError):
    """A credit would take a balance above the largest one that a browser can show."""


class IdempotencyKeyReusedError(CreditError):
    """The key was used before, for something else."""


class DatabaseUnavailable(Exception):
    """The database cannot be used now."""


class DatabaseLocked(DatabaseUnavailable):
    """Somebody else holds the database, or a row that was needed."""


class DatabaseConflict(DatabaseLocked):
    """The database undid a transaction that met another one; the same again may succeed."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database can be read but not written."""

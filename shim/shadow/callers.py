"""What a caller is called: the module that its code lies in."""

from types import CodeType

UNKNOWN = "unknown"


def module_of(caller: object) -> str:
    """Return the module of a code object, without its folder; text is taken as a name."""
    if isinstance(caller, CodeType):
        return caller.co_filename.rpartition("/")[2].removesuffix(".py")
    return caller if isinstance(caller, str) and caller else UNKNOWN

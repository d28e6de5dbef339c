"""What a caller is called: the module that its code lies in."""

from functools import lru_cache
from types import CodeType

UNKNOWN = "unknown"


def module_of(caller: object) -> str:
    """Return the module of a code object, without its folder; text is taken as a name."""
    if isinstance(caller, CodeType):
        return _module_in(caller.co_filename)
    return caller if isinstance(caller, str) and caller else UNKNOWN


@lru_cache(maxsize=1000)
def _module_in(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".py")

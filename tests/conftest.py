"""What all tests share."""

import sys

import structlog
from hypothesis import settings

pytest_plugins = ("tests.servers", "tests.application")

# Two loaded cores make any deadline for one example a matter of luck; --timeout bounds tests.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

# A tool that the checks need brings along `rich`, and structlog would draw each traceback with
# it, all locals included: that takes seconds, and minutes where a test logs hundreds of them.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ],
    # Not whatever `sys.stdout` is at the moment: while a command's output is taken, the threads
    # of a worker in the same process would write their log lines into it.
    logger_factory=structlog.PrintLoggerFactory(sys.__stderr__),
)

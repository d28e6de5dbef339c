"""What all tests share."""

import structlog
from hypothesis import settings

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
    ]
)

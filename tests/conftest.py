"""What all tests share."""

from hypothesis import settings

# Two loaded cores make any deadline for one example a matter of luck; --timeout bounds tests.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

"""Tests of the two legacy services."""

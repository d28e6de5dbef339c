"""Tests of the canonical notifications."""

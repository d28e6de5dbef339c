"""Tests of who may listen: sign-in, Origins, bounds."""

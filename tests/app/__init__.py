"""Tests of the application layer: settings, wiring, runtime, health, log and report."""

"""Tests of the bus between workers, the sweep that makes up for it, and the lease."""

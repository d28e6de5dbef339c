"""What the benchmarks share: timing, the table with its targets, and the system under test."""

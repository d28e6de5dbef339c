"""The guard: from counts to healthy, inconclusive, breached or not running; it only trips."""

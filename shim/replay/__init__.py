"""One divergence, run again offline: what is kept of it, and both sides on it as they are now."""

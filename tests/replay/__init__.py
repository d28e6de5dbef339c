"""A divergence that is kept, and run again."""

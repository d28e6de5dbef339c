"""A divergence of balance notifications with its inputs, run again offline."""

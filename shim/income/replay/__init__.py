"""A divergence of the farming income with its inputs, run again offline."""

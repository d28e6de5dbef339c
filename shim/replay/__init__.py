"""A divergence run again offline: what holds for every migration; each binds what it needs."""

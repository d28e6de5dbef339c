"""The existing system: balance manager, batch processor, integration, schedulers, endpoint."""

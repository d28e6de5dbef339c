"""The running system: callers, canonical notifications, web, command line, composition root."""

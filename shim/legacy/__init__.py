"""The two legacy services, faults included: they leave with the migration."""

"""The canonical balance notifications: they outlive the migration and know nothing of it."""

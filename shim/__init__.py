"""The migration, and only the migration: delete this folder and the migration is over."""

"""Decisions: which side serves this user, why, and who says so."""

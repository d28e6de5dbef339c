"""Tests on real gunicorn workers."""

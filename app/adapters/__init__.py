"""The forms in SQL of what `flags`, `shim` and the notifications name as protocols."""

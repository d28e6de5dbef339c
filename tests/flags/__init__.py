"""The flags, through their public seams."""

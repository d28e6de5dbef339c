"""The two documents: what they say is so, and what they tell to run does it."""

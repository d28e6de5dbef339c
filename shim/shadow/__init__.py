"""The shadow engine: it knows effects, observations and episodes, and no notification."""

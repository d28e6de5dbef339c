"""What several hosts share: on real servers, with clocks and networks that fail."""

"""The binding: what the shadow engine must know about balance notifications."""

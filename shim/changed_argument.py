"""What a binding says of a shadow that meddles."""


class ArgumentChangedError(Exception):
    """A shadow changed the argument that it was handed."""

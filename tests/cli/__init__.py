"""The command line, against files and processes as a person meets them."""

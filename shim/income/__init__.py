"""The migration of the farming income: two calculations that return an amount."""

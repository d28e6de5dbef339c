"""The pages, over HTTP from a real server with a real database."""

"""The chat behind a web API of one's own, with FastAPI."""

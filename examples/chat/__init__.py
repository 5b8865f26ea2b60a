"""A chat: one query, one mutation, one page, and three programs that watch it."""

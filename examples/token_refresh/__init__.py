"""A session that outlives its tokens: each is replaced before it expires."""

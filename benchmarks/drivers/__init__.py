"""One small program per client under measurement; all of them answer the same requests."""

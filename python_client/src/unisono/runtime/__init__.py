"""The I/O of the client: sockets, timers and token fetchers around the pure core."""

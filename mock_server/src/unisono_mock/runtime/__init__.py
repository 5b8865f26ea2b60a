"""The part of the server that touches sockets, files and clocks."""

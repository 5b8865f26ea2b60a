"""The pure part of the server: values in, effects out; no socket, no clock, no chance."""

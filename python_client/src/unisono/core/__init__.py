"""The client as a machine of values: inputs go in, effects come out, nothing is waited for."""

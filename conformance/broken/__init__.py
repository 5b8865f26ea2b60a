"""Right peers with one fault each, to test the cases with."""

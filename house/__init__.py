"""The tests that keep the picture of the house true, and the tools that run them."""

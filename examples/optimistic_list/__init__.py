"""A list that answers before the server does, and takes back what the server refuses."""

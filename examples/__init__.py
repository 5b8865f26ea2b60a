"""Small apps that show one thing each, runnable from the root of the repository."""

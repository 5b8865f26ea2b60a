"""Unisono side by side with the official clients and with the floor, as ratios."""

"""Trained networks become files that run without torch."""

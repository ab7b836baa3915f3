"""Losses, recipes and the training run."""

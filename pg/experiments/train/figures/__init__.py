"""Figures of `train` experiments."""

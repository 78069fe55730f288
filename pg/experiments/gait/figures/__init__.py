"""Figures of `gait` experiments."""

"""Figures of `probe` experiments."""

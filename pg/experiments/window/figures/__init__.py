"""Figures of `window` experiments."""

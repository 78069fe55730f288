"""Figures of `support` experiments."""

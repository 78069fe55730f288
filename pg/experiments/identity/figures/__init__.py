"""Figures of `identity` experiments."""

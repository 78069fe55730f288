"""Figures of `update` experiments."""

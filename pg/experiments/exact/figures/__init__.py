"""Figures of `exact` experiments."""

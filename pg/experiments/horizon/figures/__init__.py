"""Figures of `horizon` experiments."""

"""Figures of `staleness` experiments."""

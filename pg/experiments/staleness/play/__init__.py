"""Explorables of `staleness` experiments."""

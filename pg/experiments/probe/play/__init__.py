"""Explorables of `probe` experiments."""

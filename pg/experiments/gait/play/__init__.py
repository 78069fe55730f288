"""Explorables of `gait` experiments."""

"""Explorables of `train` experiments."""

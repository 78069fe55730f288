"""Environments that are stepped, and exact quantities of those with tables."""

"""Environments, and exact quantities of those with tables."""

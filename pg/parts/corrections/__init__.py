"""Corrections for data of an earlier policy, one module each, and transformations of importance weights."""

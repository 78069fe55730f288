"""Starts, one module each: what a policy is before its first batch."""

"""Starts, one module each: how a policy is initialised."""

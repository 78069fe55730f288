"""Baselines, one module each: what is subtracted from the return before it weights a log-likelihood."""

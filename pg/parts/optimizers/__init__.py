"""Optimizers, one module each: how a gradient becomes a step."""

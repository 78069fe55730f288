"""Activations of hidden layers, one module each."""

"""Measurements of gradient estimates on frozen policies."""

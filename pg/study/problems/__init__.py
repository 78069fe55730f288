"""Checks across the records of a study that are each valid alone; every message says what to change."""

"""What data of an earlier policy count for, one module each, and what may be done to such weights."""

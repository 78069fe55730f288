"""The records that a study file is made of: frozen, and each knows its own legal values."""

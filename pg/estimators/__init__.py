"""The lecture's equations."""

"""Trajectories, random generators and records: what every other package uses."""

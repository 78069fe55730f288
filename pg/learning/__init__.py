"""Learning: policies, rollouts, updates and the full algorithm."""

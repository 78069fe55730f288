"""How a policy is improved."""

"""Limits on how far an update may move the policy, one module each."""

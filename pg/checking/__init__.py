"""Whether an estimator of a user's own is right: its exact expectation and variance, and the mistake that it makes."""

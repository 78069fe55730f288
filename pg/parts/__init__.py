"""What a variant names: returns, baselines, corrections, limits and starts, and the estimator that joins them."""

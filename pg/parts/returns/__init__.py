"""What weights each log-likelihood before a baseline is subtracted, one module each."""

"""What is subtracted from the return before it weights a log-likelihood, one module each."""

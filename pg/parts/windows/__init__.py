"""Windows of batches by several policies, one module each: whose probabilities the importance weights divide by."""

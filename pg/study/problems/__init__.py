"""What is wrong with a study whose records are legal one by one, in words that a person can act on."""

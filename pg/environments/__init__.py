"""What is stepped, and what is known exactly about it."""

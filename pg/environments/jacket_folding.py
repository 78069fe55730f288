"""Learning to fold a jacket, as a table."""

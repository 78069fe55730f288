"""From tables to verdicts on the lecture's claims."""

"""From verdicts to pictures and the page."""

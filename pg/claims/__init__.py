"""Judge the lecture's claims from the tables of results."""

"""What all kinds of figure share: their registry, what each is given, and what each needs of a study."""

"""The kinds of experiment: what each declares, measures and draws."""

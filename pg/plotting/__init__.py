"""Style, layout, marks and saving of figures."""

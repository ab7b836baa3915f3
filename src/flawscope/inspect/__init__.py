"""From masks to a page a person reads."""

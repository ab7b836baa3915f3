"""Classic filters and the bank that mixes them."""

"""One tour in a running engine, from its path to its committed clip."""

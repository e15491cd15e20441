"""Does it learn? Held-out proofs that a student follows actions and remembers places."""

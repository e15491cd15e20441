"""Teacher, student, streaming generation and evaluation."""

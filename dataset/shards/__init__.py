"""Samples packed as WebDataset shards: which, how they are written, and how they are read back."""

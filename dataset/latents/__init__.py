"""Latents: the shards' samples, encoded with a video tokenizer."""

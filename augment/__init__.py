"""Augmentations that are pure functions of frame indices."""

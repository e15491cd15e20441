"""Captions of the static content: sources, the filter, and where they are kept."""

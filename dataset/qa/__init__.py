"""Quality of clips: what is measured, what reviewers decided, what is usable."""

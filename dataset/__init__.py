"""Workspaces, clips, video, shards and reports."""

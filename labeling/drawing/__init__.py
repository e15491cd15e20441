"""Pictures of labels drawn over frames."""

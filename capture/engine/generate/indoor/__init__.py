"""Generated interiors."""

"""Camera geometry, and the labels made from it."""

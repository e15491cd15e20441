"""Steering a student by hand on a web page, or by a script into a video."""

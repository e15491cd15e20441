"""Flying the camera by hand: what `capture.pilot` serves to a browser."""

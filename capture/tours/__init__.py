"""What to capture: scenes, plan rows, and the operator that steers a tour."""

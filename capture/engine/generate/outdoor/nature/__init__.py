"""Open country: land, plants, rocks, water and daylight, shared by the outdoor archetypes."""

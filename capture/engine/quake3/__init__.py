"""Quake 3 levels: the BSP file, shader scripts, surfaces, light and what they become in a scene."""

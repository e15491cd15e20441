"""What all generated scenes are made with: mesh, shapes, textures, light."""

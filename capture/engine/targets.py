"""What the renderer draws into, and how it is read back."""

import moderngl
import numpy as np

from capture.engine.occlusion import FarthestDepth

# Pass on the wire -> its name in the shaders, components and type of its attachment.
PASSES = {
    "lit_bgra": ("LIT", 4, "f1"),
    "depth_f32": ("DEPTH", 1, "f4"),
    "normal_u8": ("NORMAL", 4, "f1"),
    "mask_u8": ("MASK", 4, "f1"),
    "flow_f32": ("FLOW", 2, "f4"),
}
# What is read back of them.
CHANNELS = {"lit_bgra": 4, "depth_f32": 1, "normal_u8": 3, "mask_u8": 3, "flow_f32": 2}


class Targets:
    """The framebuffers of one image size and one set of passes."""

    def __init__(
        self, context: moderngl.Context, size: tuple[int, int], passes: tuple[str, ...]
    ) -> None:
        """Make them for `size` (width, height) and `passes`, in that order."""
        attachments = [context.texture(size, PASSES[p][1], dtype=PASSES[p][2]) for p in passes]
        self.depth = context.depth_texture(size)
        self.depth.compare_func = ""
        self.depth.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self.farthest = FarthestDepth(context, size)
        self.depth_only = context.framebuffer(depth_attachment=self.depth)
        self.drawn = context.framebuffer(attachments, self.depth)
        self.passes = passes
        self.size = size

    def read(self) -> dict[str, np.ndarray]:
        """The passes as arrays of their own, rows from top to bottom."""
        width, height = self.size
        images: dict[str, np.ndarray] = {}
        for number, name in enumerate(self.passes):
            kind, components = PASSES[name][2], CHANNELS[name]
            image = np.empty((height, width, components), np.float32 if kind == "f4" else np.uint8)
            self.drawn.read_into(image, components=components, attachment=number, dtype=kind)
            images[name] = image if components > 1 else image[..., 0]
        return images

    def release(self) -> None:
        """Give the memory back."""
        attachments = self.drawn.color_attachments
        for resource in (*attachments, self.depth, self.drawn, self.depth_only, self.farthest):
            resource.release()

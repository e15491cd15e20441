"""Images: `/camera/N/{lit,normal,object_mask,seg,depth}`, `/screenshot`, `/viewmode`."""

from pathlib import Path

import numpy as np

from capture.engine.encoding import bgra, depth_reply, flow_reply, image_reply
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.state import EngineState

# Command name -> the renderer's pass that it shows.
IMAGES = {
    "lit": "lit_bgra",
    "normal": "normal_u8",
    "object_mask": "mask_u8",
    "seg": "mask_u8",
}
VIEW_MODES = ("lit", "depth", "object_mask", "normal")
WHITE_DEPTH_CM = 10_000.0  # shown white in the depth view mode


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    folder = engine.options.saved

    def image(args: list[str], name: str) -> bytes:
        return image_reply(camera_image(engine, args[0], IMAGES[name]), args[1], folder)

    def depth(args: list[str]) -> bytes:
        drawn = engine.draw(engine.camera_index(args[0]), ["depth_f32"])
        return depth_reply(drawn.passes["depth_f32"], args[1], folder)

    def flow(args: list[str]) -> bytes:
        drawn = engine.draw(engine.camera_index(args[0]), ["flow_f32"])
        return flow_reply(drawn.passes["flow_f32"], args[1], folder)

    dispatcher.bind(
        "vget /camera/[uint]/lit", lambda args: image([*args, "png"], "lit"), "Lit view as PNG"
    )
    for name in IMAGES:
        dispatcher.bind(
            f"vget /camera/[uint]/{name} [str]",
            lambda args, name=name: image(args, name),
            "Image as png, bmp, npy, or in a file of that ending",
        )
    dispatcher.bind(
        "vget /camera/[uint]/depth [str]", depth, "Planar depth in cm as npy (H,W) float32"
    )
    dispatcher.bind(
        "vget /camera/[uint]/optical_flow [str]", flow,
        "Motion since the camera's image in an earlier tick, as colours, or pixels (npy)",
    )  # fmt: skip
    _bind_window(dispatcher, engine, folder)


def camera_image(engine: EngineState, number: str, pass_name: str) -> np.ndarray:
    """What a camera sees in one pass, as BGRA (H,W,4) uint8."""
    pixels = engine.draw(engine.camera_index(number), [pass_name]).passes[pass_name]
    return pixels if pixels.shape[-1] == 4 else bgra(pixels)


def _bind_window(dispatcher: Dispatcher, engine: EngineState, folder: Path) -> None:
    def set_view_mode(args: list[str]) -> str:
        mode = args[0].lower()
        if mode not in VIEW_MODES:
            raise CommandError(
                f"Can not set ViewMode to {args[0]}; allowed are {', '.join(VIEW_MODES)}"
            )
        engine.view_mode = mode
        return "ok"

    def screenshot(args: list[str]) -> bytes:
        return image_reply(_window(engine), args[0], folder)

    dispatcher.bind("vset /viewmode [str]", set_view_mode, "What the player's window shows")
    dispatcher.bind("vget /viewmode", lambda _: engine.view_mode, "What the window shows")
    dispatcher.bind(
        "vget /screenshot [str]", screenshot, "The player's window as png, bmp, npy or a file"
    )


def _window(engine: EngineState) -> np.ndarray:
    """Camera 0's view in the view mode, in the window's size, BGRA (H,W,4) uint8."""
    player = engine.cameras[0]
    own_size, player.size = player.size, engine.size
    try:
        if engine.view_mode != "depth":
            return camera_image(engine, "0", IMAGES[engine.view_mode])
        depth = engine.draw(0, ["depth_f32"]).passes["depth_f32"]
    finally:
        player.size = own_size
    grey = (np.minimum(depth / WHITE_DEPTH_CM, 1.0) * 255).astype(np.uint8)
    return bgra(np.repeat(grey[..., None], 3, axis=-1))

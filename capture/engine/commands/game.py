"""`/action/*`, `/level/name`, `/scene/name`: the game itself."""

import numpy as np

from capture.engine.clock import STEP_S
from capture.engine.commands.cameras import move_pawn
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.options import PROJECT
from capture.engine.state import EngineState
from dataset.errors import OpenRelicError
from labeling.camera import ue_axes

SPEED_CM_PER_S = 300.0
TURN_DEG_PER_S = 45.0
MAX_PRESS_S = 60.0
# Key -> how far it moves the pawn forward, right and up, and turns it, as Unreal's default pawn.
KEYS = {
    "W": (1, 0, 0, 0), "Up": (1, 0, 0, 0), "S": (-1, 0, 0, 0), "Down": (-1, 0, 0, 0),
    "D": (0, 1, 0, 0), "A": (0, -1, 0, 0), "E": (0, 0, 1, 0), "SpaceBar": (0, 0, 1, 0),
    "Q": (0, 0, -1, 0), "C": (0, 0, -1, 0), "Right": (0, 0, 0, 1), "Left": (0, 0, 0, -1),
}  # fmt: skip


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    keyboard = Keyboard(engine)
    engine.every_tick.append(keyboard.tick)

    def pause(paused: bool) -> str:
        engine.clock.paused = paused
        return "ok"

    def open_level(args: list[str]) -> str:
        try:
            engine.load_level(args[0])
        except OpenRelicError as error:
            raise CommandError(str(error)) from error
        return "ok"

    def press(args: list[str]) -> str:
        keyboard.press(args[0], float(args[1]))
        return "ok"

    dispatcher.bind("vset /action/game/pause", lambda _: pause(True), "Pause the game")
    dispatcher.bind("vset /action/game/resume", lambda _: pause(False), "Go on")
    dispatcher.bind(
        "vget /action/game/is_paused",
        lambda _: "true" if engine.clock.paused else "false",
        "Whether the game is paused",
    )
    dispatcher.bind("vset /action/game/level [str]", open_level, "Show another scene")
    dispatcher.bind(
        "vset /action/keyboard [str] [float]", press, "Press a key for so many seconds of the game"
    )
    dispatcher.bind("vget /level/name", lambda _: engine.scene.name, "Name of the map")
    dispatcher.bind("vget /scene/name", lambda _: PROJECT, "Name of the project")
    dispatcher.refuse("vset /action/eyes_distance ", "Not Implemented: there is no second eye")


class Keyboard:
    """Keys that are held down, and what they do to camera 0."""

    def __init__(self, engine: EngineState) -> None:
        """Move the camera 0 of `engine`."""
        self._engine = engine
        self._held: dict[str, int] = {}  # key -> steps of game time that it is still held

    def press(self, key: str, seconds: float) -> None:
        """Hold `key` from the next step on."""
        if key not in KEYS:
            raise CommandError(f"key {key} does nothing; keys are {', '.join(KEYS)}")
        if not 0 <= seconds <= MAX_PRESS_S:
            raise CommandError(f"a key is held for 0 to {MAX_PRESS_S:.0f} s, not {seconds:g}")
        self._held[key] = max(1, round(seconds / STEP_S))

    def tick(self, steps: int) -> bool:
        """Let steps of game time pass."""
        for _ in range(steps):
            if not self._held:
                break
            self._step()
        return False

    def _step(self) -> None:
        forward, right, up, turn = np.sum([KEYS[key] for key in self._held], axis=0)
        player = self._engine.cameras[0]
        if turn:
            pitch, yaw, roll = player.rotation
            player.rotation = pitch, yaw + float(turn) * TURN_DEG_PER_S * STEP_S, roll
        if forward or right or up:
            axes = ue_axes(np.array(player.rotation))
            way = forward * axes[0] + right * axes[1] + up * np.array([0.0, 0.0, 1.0])
            move_pawn(self._engine, player.location + way * SPEED_CM_PER_S * STEP_S)
        self._held = {key: left - 1 for key, left in self._held.items() if left > 1}

"""`/objects` and `/object/NAME/*`: what is in the scene, and changing it."""

from capture.engine.camera import Vector, checked_location, checked_rotation
from capture.engine.commands.replies import POINT, vector_text
from capture.engine.grammar import CommandError, Dispatcher
from capture.engine.scene_edits import object_points_cm
from capture.engine.state import EngineState

CUBE_CLASSES = ("CubeActor", "Cube_C", "Cube")
BUILT_CLASS = "StaticMeshActor"


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""
    _bind_questions(dispatcher, engine)
    _bind_changes(dispatcher, engine)
    _bind_spawning(dispatcher, engine)


def _bind_questions(dispatcher: Dispatcher, engine: EngineState) -> None:
    def bounds(args: list[str]) -> str:
        return " ".join(f"{value:.2f}" for value in engine.world.bounds_cm(args[0]).ravel())

    def colour(args: list[str]) -> str:
        red, green, blue = engine.world.objects[args[0]].colour
        return f"(R={red},G={green},B={blue},A=255)"

    def vertices(args: list[str]) -> str:
        points = object_points_cm(engine.world.geometry, engine.world.objects[args[0]].object_id)
        return "\n".join("     ".join(f"{value:.5f}" for value in point) for point in points)

    def mobility(args: list[str]) -> str:
        return "Movable" if engine.world.objects[args[0]].spawned else "Static"

    def class_name(args: list[str]) -> str:
        return CUBE_CLASSES[0] if engine.world.objects[args[0]].spawned else BUILT_CLASS

    one = "vget /object/[str]"
    dispatcher.bind("vget /objects", lambda _: " ".join(engine.world.objects), "Names of objects")
    for name, attribute in (
        ("location", "location_cm"), ("rotation", "rotation_deg"), ("scale", "scale"),
    ):  # fmt: skip
        dispatcher.bind(
            f"{one}/{name}",
            lambda args, attribute=attribute: vector_text(
                getattr(engine.world.objects[args[0]].placement, attribute)
            ),
            f"The object's {name}; a location is that of its middle as built",
        )
    dispatcher.bind(f"{one}/bounds", bounds, "Lowest and highest corner in cm")
    dispatcher.bind(f"{one}/color", colour, "Colour in the object mask")
    dispatcher.bind(f"{one}/vertex_location", vertices, "Every vertex in cm, one a line")
    dispatcher.bind(f"{one}/mobility", mobility, "Static as built, Movable if spawned")
    dispatcher.bind(f"{one}/uclass_name", class_name, "The object's class")


def _bind_changes(dispatcher: Dispatcher, engine: EngineState) -> None:
    def place(name: str, **change: Vector) -> str:
        engine.world.objects.place(name, **change)
        engine.world.objects_changed()
        return "ok"

    def show(name: str, shown: bool) -> str:
        engine.world.objects.show(name, shown)
        engine.world.objects_changed()
        return "ok"

    def destroy(args: list[str]) -> str:
        engine.world.objects.destroy(args[0])
        engine.world.objects_changed()
        return "ok"

    def rename(args: list[str]) -> str:
        old, new = args
        engine.world.objects[old]
        if new != old:
            _check_name(engine, new)
            engine.world.objects.rename(old, new)
            engine.world.objects_changed()
        return "ok"

    def recolour(args: list[str]) -> str:
        red, green, blue = (int(text or 0) for text in args[1:])
        engine.world.objects.recolour(args[0], (red, green, blue))
        return "ok"

    one = "vset /object/[str]"
    dispatcher.bind(
        f"{one}/location {POINT}",
        lambda args: place(args[0], location_cm=checked_location(args[1:])),
        "Move the object; its baked light goes with it",
    )
    dispatcher.bind(
        f"{one}/rotation {POINT}",
        lambda args: place(args[0], rotation_deg=checked_rotation(args[1:])),
        "Turn the object about its location",
    )
    dispatcher.bind(
        f"{one}/scale {POINT}",
        lambda args: place(args[0], scale=checked_location(args[1:])),
        "Scale the object about its location",
    )
    dispatcher.bind(f"{one}/show", lambda args: show(args[0], True), "Draw the object")
    dispatcher.bind(
        f"{one}/hide", lambda args: show(args[0], False), "Do not draw it; it still collides"
    )
    dispatcher.bind(f"{one}/destroy", destroy, "Take the object out of the scene")
    dispatcher.bind(f"{one}/name [str]", rename, "Rename the object")
    dispatcher.bind(f"{one}/color [uint] [uint] [uint]", recolour, "Colour in the object mask")


def _bind_spawning(dispatcher: Dispatcher, engine: EngineState) -> None:
    def spawn(name: str | None) -> str:
        if name is None:
            name = _free_name(engine)
        elif name in engine.world.objects:
            raise CommandError(f"Failed to spawn {name}, object exists.")
        _check_name(engine, name)
        engine.world.spawn_cube(name)
        return name

    def spawn_class(args: list[str]) -> str:
        if args[0] not in CUBE_CLASSES:
            raise CommandError(
                f"Can not find a class with name '{args[0]}'; there is {CUBE_CLASSES[0]}, "
                "and vset /cameras/spawn for cameras"
            )
        location = checked_location(args[2:]) if len(args) > 2 else None
        name = spawn(args[1] if len(args) > 1 else None)
        if location is not None:
            engine.world.objects.place(name, location_cm=location)
            engine.world.objects_changed()
        return name

    cube = "Spawn a cube of a metre at the origin"
    dispatcher.bind("vset /objects/spawn_cube", lambda _: spawn(None), cube)
    dispatcher.bind("vset /objects/spawn_cube [str]", lambda args: spawn(args[0]), cube)
    dispatcher.bind("vset /objects/spawn [str]", spawn_class, "Spawn an object of a class")
    dispatcher.bind("vset /objects/spawn [str] [str]", spawn_class, "Class and name")
    dispatcher.bind(
        f"vset /objects/spawn [str] [str] {POINT}", spawn_class, "Class, name and location"
    )


def _check_name(engine: EngineState, name: str) -> None:
    if not name:
        raise CommandError("Argument Invalid")
    if name in engine.world.objects:
        raise CommandError(
            f"Renaming an object to overwrite an existing object is not allowed: {name}"
        )


def _free_name(engine: EngineState) -> str:
    number = 0
    while f"{CUBE_CLASSES[0]}_{number}" in engine.world.objects:
        number += 1
    return f"{CUBE_CLASSES[0]}_{number}"

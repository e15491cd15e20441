"""Generated scenes: an archetype and a seed make a Scene, always the same one."""

from collections.abc import Callable

from capture.engine.generate.indoor.churches import generate_church
from capture.engine.generate.indoor.galleries import generate_gallery
from capture.engine.generate.indoor.homes import generate_home
from capture.engine.generate.indoor.offices import generate_office
from capture.engine.generate.indoor.stations import generate_station
from capture.engine.generate.indoor.warehouses import generate_warehouse
from capture.engine.generate.outdoor.coasts import generate_coast
from capture.engine.generate.outdoor.deserts import generate_desert
from capture.engine.generate.outdoor.forests import generate_forest
from capture.engine.generate.outdoor.harbours import generate_harbour
from capture.engine.generate.outdoor.mountains import generate_mountains
from capture.engine.generate.outdoor.parks import generate_park
from capture.engine.generate.outdoor.squares import generate_square
from capture.engine.generate.outdoor.streets import generate_street
from capture.engine.generate.outdoor.villages import generate_village
from capture.engine.scene import Scene

ARCHETYPES: dict[str, Callable[[int], Scene]] = {
    "church": generate_church,
    "coast": generate_coast,
    "desert": generate_desert,
    "forest": generate_forest,
    "gallery": generate_gallery,
    "harbour": generate_harbour,
    "home": generate_home,
    "mountains": generate_mountains,
    "office": generate_office,
    "park": generate_park,
    "square": generate_square,
    "station": generate_station,
    "street": generate_street,
    "village": generate_village,
    "warehouse": generate_warehouse,
}


def generate(name: str, seed: int) -> Scene:
    """The scene `name`:`seed`; KeyError for an archetype that does not exist."""
    return ARCHETYPES[name](seed)

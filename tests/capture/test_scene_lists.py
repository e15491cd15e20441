"""Scene lists: packaged games' maps, their licences and where tours may start."""

from pathlib import Path

import numpy as np
import pytest

from capture.tours.planning import PlanWish, make_plan
from capture.tours.rows import PlanRow, of_game, rows_from_table, rows_to_table
from capture.tours.scene_lists import embedded_scenes, scenes_from_yaml
from capture.tours.starts import StartArea, choose_start, parse_area, rotated
from dataset.errors import OpenRelicError

ROOT = Path(__file__).resolve().parents[2]
GAMES = """
- scene: /Game/Maps/Alone
  asset: alone
  licence: CC0-1.0
  ai_training: true
  starts:
    - [1, 2, 3]
    - [1, 2, 3, -90]
- game: Flats
  asset: flats
  licence: CC-BY-4.0
  ai_training: true
  maps:
    - /Game/Maps/One
    - scene: /Game/Maps/Two
      asset: other
      starts: [{box: [[10, 0, 0], [0, 20, 5]], yaw: 45}, {box: [[0, 0, 0], [1, 1, 1]]}]
- game: Woods
  asset: woods
  licence: CC-BY-4.0
  ai_training: true
  maps: [/Game/Maps/One]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenes.yaml"
    path.write_text(text)
    return path


def test_games_share_what_their_maps_do_not_say(tmp_path: Path):
    scenes = scenes_from_yaml(written(tmp_path, GAMES))
    assert [(s.game, s.scene, s.asset, s.licence) for s in scenes] == [
        ("", "/Game/Maps/Alone", "alone", "CC0-1.0"),
        ("Flats", "/Game/Maps/One", "flats", "CC-BY-4.0"),
        ("Flats", "/Game/Maps/Two", "other", "CC-BY-4.0"),
        ("Woods", "/Game/Maps/One", "woods", "CC-BY-4.0"),
    ]
    assert scenes[2].starts == (
        StartArea(low_cm=(0.0, 0.0, 0.0), high_cm=(10.0, 20.0, 5.0), yaw_deg=45.0),
        StartArea(low_cm=(0.0, 0.0, 0.0), high_cm=(1.0, 1.0, 1.0), yaw_deg=None),
    )


def test_the_example_is_read():
    scenes = scenes_from_yaml(ROOT / "configs" / "packaged_game.yaml")
    assert len(scenes) == 1 and len(scenes[0].starts) == 2


def test_embedded_scenes_suffice_for_the_papers_number():
    scenes = embedded_scenes()
    assert len(scenes) >= 350 and len({scene.scene for scene in scenes}) == len(scenes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("ai_training: true\n  maps:", "ai_training: false\n  maps:"),
            "map 1 .*not allow AI",
        ),
        (("ai_training: true\n  maps:", "maps:"), "entry 2 .Flats., map 1 has .* are needed"),
        (("ai_training: true", 'ai_training: "true"'), "does not allow AI training"),
        (("asset: other", "asset: [a]"), r"map 2 has the asset \['a'\]; a name is needed"),
        (("asset: other", "colour: red"), "map 2 has .*colour"),
        (("game: Flats", "game: 3"), "entry 2: a game needs a name"),
        (("maps: [/Game/Maps/One]", "maps: []"), "a list of `maps`"),
        (("/Game/Maps/Two", "/Game/Maps/One"), "lists Flats /Game/Maps/One twice"),
        (("[1, 2, 3, -90]", "[1, 2]"), r"has the start \[1, 2\]; allowed are"),
        (("[1, 2, 3, -90]", "[1, 2, x]"), "has the start"),
        (("[1, 2, 3, -90]", "[1, 2, .nan]"), "has the start"),
        (("[1, 2, 3, -90]", "{box: [[0, 0, 0]], yaw: 3}"), "has the start"),
        (("[1, 2, 3, -90]", "{box: [[0, 0, 0], [1, 1, 1]], yaw: east}"), "has the start"),
        (("starts:\n    - [1, 2, 3]\n    - [1, 2, 3, -90]", "starts: here"), "a list of places"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: tuple[str, str], message: str):
    assert change[0] in GAMES
    with pytest.raises(OpenRelicError, match=message):
        scenes_from_yaml(written(tmp_path, GAMES.replace(*change)))


def planned(tmp_path: Path) -> list[PlanRow]:
    wish = PlanWish(
        minutes=20.0, seed=0, motion="both", rotation_frame="camera", clearance_cm=25.0,
        fov_deg=90.0,
    )  # fmt: skip
    return make_plan(scenes_from_yaml(written(tmp_path, GAMES)), wish)


def test_start_areas_are_in_the_plan_and_shared_out(tmp_path: Path):
    rows = planned(tmp_path)
    assert rows_from_table(rows_to_table(rows), "plan") == rows
    two = [row for row in rows if row.scene == "/Game/Maps/Two"]
    assert len(two) > 1 and {len(row.starts) for row in two} == {2}
    assert len({row.starts[0] for row in two}) == 2
    ones = [row for row in rows if row.scene == "/Game/Maps/One"]
    assert {row.game for row in ones} == {"Flats", "Woods"}
    assert len({row.tour_id for row in rows}) == len(rows)


def test_one_game_at_a_time_is_captured(tmp_path: Path):
    rows = planned(tmp_path)
    for game in ("", "Flats", "Woods"):
        mine = of_game(rows, game)
        assert mine and {row.game for row in mine} == {game}
    assert of_game(of_game(rows, "Flats"), None) == of_game(rows, "Flats")
    with pytest.raises(OpenRelicError, match="games .*Flats.* --game NAME"):
        of_game(rows, None)
    with pytest.raises(OpenRelicError, match="there is no Moors"):
        of_game(rows, "Moors")


BOX = StartArea(low_cm=(0.0, 0.0, 0.0), high_cm=(100.0, 50.0, 10.0), yaw_deg=None)
PLACE = StartArea(low_cm=(7.0, 8.0, 9.0), high_cm=(7.0, 8.0, 9.0), yaw_deg=30.0)
SPAWNS = np.array([[1.0, 2.0, 3.0, 10.0], [4.0, 5.0, 6.0, 20.0], [7.0, 8.0, 9.0, 30.0]])


def test_the_first_free_place_of_the_areas_is_taken():
    location, yaw = choose_start(0, (PLACE, BOX), SPAWNS, lambda _: True) or pytest.fail()
    assert location.tolist() == [7.0, 8.0, 9.0] and yaw == 30.0
    places = [
        choose_start(seed, (PLACE, BOX), SPAWNS, lambda at: at[0] > 90) or pytest.fail()
        for seed in range(20)
    ]
    found = np.stack([place[0] for place in places])
    assert (found[:, 0] > 90).all() and (found <= BOX.high_cm).all() and (found >= 0).all()
    assert len({place[1] for place in places}) == 20  # any yaw, and the seed decides
    again = choose_start(3, (PLACE, BOX), SPAWNS, lambda at: at[0] > 90) or pytest.fail()
    assert np.array_equal(again[0], places[3][0]) and again[1] == places[3][1]


def test_without_areas_tours_start_at_spawns():
    found = {
        tuple((choose_start(seed, (), SPAWNS, lambda _: True) or [()])[0]) for seed in range(20)
    }
    assert found == {tuple(spawn[:3]) for spawn in SPAWNS}
    location, yaw = choose_start(0, (), SPAWNS, lambda at: at[0] == 4.0) or pytest.fail()
    assert location.tolist() == [4.0, 5.0, 6.0] and yaw == 20.0
    assert choose_start(0, (), SPAWNS, lambda _: False) is None
    assert choose_start(0, (), np.empty(0), lambda _: True) is None


def test_areas_without_a_free_place_are_an_error_rather_than_left():
    with pytest.raises(OpenRelicError, match="none of the 2 start areas"):
        choose_start(0, (PLACE, BOX), SPAWNS, lambda _: False)


def test_areas_take_turns():
    areas = (PLACE, BOX)
    assert [rotated(areas, tour)[0] for tour in range(4)] == [PLACE, BOX, PLACE, BOX]
    assert rotated((), 3) == ()
    assert parse_area([7, 8, 9, 30], "here") == PLACE

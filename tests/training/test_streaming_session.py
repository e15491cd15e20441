"""Sessions of a student with random weights: what they show, and that going back is exact."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from dataset.errors import OpenRelicError
from dataset.latents.tokenizers import video_to_frames
from tests.training.tiny_player import SHORT_MEMORY, picture, random_rows, tiny_player
from training.conditions import poses_from_actions
from training.memory.schedule import visible_tokens
from training.streaming import watching
from training.streaming.model import PlayedStream, StudentModel
from training.streaming.player import Player, played_memory, token_grid
from training.streaming.session import Chunk, WorldSession

# Anchors every three chunks, for copies fit into nothing, and a bound that a dozen chunks pass.
LONG = {**SHORT_MEMORY, "play__undo_chunks": 3, "play__undo_mb": 0, "play__newest": 9}


@pytest.fixture(scope="module")
def player(tmp_path_factory) -> Player:
    torch.set_num_threads(1)
    return tiny_player(tmp_path_factory.mktemp("player"))


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> Player:
    return tiny_player(tmp_path_factory.mktemp("short"), **LONG)


def begin(player: Player, **settings) -> WorldSession:
    return WorldSession.start(player, picture(), **{"seed": 4, "caption": "a hall", **settings})


def walk(session: WorldSession, chunks: int) -> list[Chunk]:
    """Rows of a chunk depend on its number only."""
    return [
        session.step(random_rows(session.rows_needed, seed=session.chunk_index))
        for _ in range(chunks)
    ]


def frames(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.frames for chunk in chunks])


def test_a_session_streams_chunks_from_its_image(player: Player) -> None:
    session = begin(player)
    chunks = walk(session, 4)
    assert [len(chunk.frames) for chunk in chunks] == [13, 16, 16, 16]
    assert session.chunk_index == 4 and session.rows_needed == 16
    assert token_grid(player.recipe) == (2, 4)
    expected = [visible_tokens(player.recipe.memory, end, 2, 4) for end in (4, 8, 12, 16, 20)]
    assert [chunk.tokens for chunk in chunks] == expected[:4]
    per_token = 2 * 2 * 24 * 4  # keys and values, layers, width, float32
    # What the next chunk will see of its past: that chunk's keys without its own.
    following = [(n - 4 * 8) * per_token for n in expected[1:]]
    assert [chunk.memory_bytes for chunk in chunks] == following
    decoded = player.tokenizer.decode(player.latents_of(picture()[None]))
    np.testing.assert_array_equal(chunks[0].frames[0], video_to_frames(decoded)[0])


def test_poses_and_actions_are_those_of_the_rows(player: Player) -> None:
    session = begin(player)
    assert session.poses.shape == (0, 3, 4) and session.actions.shape == (0, 13)
    walk(session, 3)
    rows = np.concatenate([random_rows(n, seed=i) for i, n in enumerate((13, 16, 16))])
    np.testing.assert_array_equal(session.actions, rows)
    flat = poses_from_actions(torch.from_numpy(rows)[None])[0].double().numpy()
    R, P = flat[:, :9].reshape(-1, 3, 3), flat[:, 9:]
    # A camera's own centre is its origin: [R | -R P] takes P to 0.
    at_centre = session.poses @ np.concatenate([P, np.ones((45, 1))], axis=1)[..., None]
    np.testing.assert_allclose(at_centre, 0, atol=1e-4)
    np.testing.assert_allclose(session.poses[:, :, :3], R, atol=1e-6)
    np.testing.assert_array_equal(session.poses[0], np.eye(3, 4))


def test_seed_caption_and_rows_change_what_is_shown_and_the_future_does_not(player: Player) -> None:
    shown = frames(walk(begin(player), 2))
    np.testing.assert_array_equal(shown, frames(walk(begin(player), 2)))
    for other in (begin(player, seed=5), begin(player, caption="a forest")):
        assert not np.array_equal(shown, frames(walk(other, 2)))
    session = begin(player)
    first = session.step(random_rows(13, seed=0)).frames
    session.caption = "a forest"
    second = session.step(random_rows(16, seed=1)).frames
    np.testing.assert_array_equal(first, shown[:13])
    assert not np.array_equal(second, shown[13:])


@pytest.mark.parametrize(
    "rows",
    [random_rows(12), random_rows(13)[:, :12], -random_rows(13), random_rows(13) * np.nan],
    ids=["rows", "columns", "negative", "nan"],
)
def test_wrong_rows_are_one_line_and_change_nothing(player: Player, rows: np.ndarray) -> None:
    session = begin(player)
    with pytest.raises(OpenRelicError, match=r"chunk 0 takes \(13, 13\)"):
        session.step(rows)
    np.testing.assert_array_equal(frames(walk(session, 1)), frames(walk(begin(player), 1)))


@pytest.mark.parametrize("back_to", [11, 9])
def test_going_back_is_as_if_nothing_had_come_after(short: Player, back_to: int) -> None:
    session, straight = begin(short), begin(short)
    walk(session, 12)
    session.caption = "a forest"
    walk(session, 1)
    walk(straight, back_to)
    session.go_to(back_to)
    assert session.chunk_index == back_to and session.caption == "a hall"
    np.testing.assert_array_equal(session.actions, straight.actions)
    np.testing.assert_array_equal(session.poses, straight.poses)
    np.testing.assert_array_equal(frames(walk(session, 4)), frames(walk(straight, 4)))


def test_what_is_kept_for_going_back_does_not_grow(short: Player) -> None:
    session, kept = begin(short), []
    for _ in range(15):
        walk(session, 1)
        kept.append((len(session.history.moments), len(session.history.anchors)))
        assert session.chunk_index - session.earliest >= min(session.chunk_index, 3)
    assert max(kept) == (5, 2) and kept[-3:] == kept[-6:-3]
    with pytest.raises(OpenRelicError, match=r"chunk 2: allowed are 12 to 15 \(play.undo_chunks"):
        session.go_to(2)
    with pytest.raises(OpenRelicError, match="chunk 16: allowed are 12 to 15"):
        session.undo(-1)
    assert session.chunk_index == 15


def test_copies_lie_as_close_as_they_fit(tmp_path: Path) -> None:
    close = tiny_player(tmp_path, **{**LONG, "play__undo_mb": 100})
    session = begin(close)
    shown = frames(walk(session, 9))
    assert [anchor.chunk_index for anchor in session.history.anchors] == [6, 7, 8, 9]
    session.undo(3)
    np.testing.assert_array_equal(frames(walk(session, 3)), shown[-24:])
    far = tiny_player(tmp_path, **{**LONG, "play__undo_chunks": 50})
    session = begin(far)
    shown = frames(walk(session, 9))
    assert [anchor.chunk_index for anchor in session.history.anchors] == [0]
    session.undo(9)
    np.testing.assert_array_equal(frames(walk(session, 9)), shown)


def test_branches_go_their_own_ways(short: Player) -> None:
    session, straight = begin(short), begin(short)
    walk(session, 5)
    walk(straight, 5)
    other = session.branch()
    other.caption = "a forest"
    strayed = frames(walk(other, 3))
    other.undo(2)
    ours = frames(walk(session, 3))
    np.testing.assert_array_equal(ours, frames(walk(straight, 3)))
    assert not np.array_equal(strayed, ours)
    again = session.branch()
    again.undo(4)
    again.go_to(4)
    np.testing.assert_array_equal(frames(walk(again, 1)), frames(walk(replayed(short, 4), 1)))


def test_a_sleeping_session_wakes_where_it_fell_asleep(short: Player) -> None:
    session = replayed(short, 7)
    session.caption = "a cellar"
    asleep, twin = session.asleep(), session.branch()
    walk(session, 8)
    expected = frames(walk(twin, 2))
    for _ in range(2):
        woken = asleep.awake()
        assert (
            (woken.chunk_index, woken.caption)
            == (asleep.chunk_index, "a cellar")
            == (7, "a cellar")
        )
        assert woken.poses.shape == (53, 3, 4)
        np.testing.assert_array_equal(frames(walk(woken, 2)), expected)


@pytest.mark.parametrize("evaluation", [2, 5])
def test_a_step_that_is_torn_off_was_never_tried(short: Player, evaluation: int) -> None:
    """Ctrl-C in the second layer of a denoising step, and of the context pass."""
    session, calls = replayed(short, 7), []

    def interrupt(*given: object) -> None:
        calls.append(given)
        if len(calls) == evaluation:
            raise KeyboardInterrupt

    hook = short.model.blocks[1].register_forward_hook(interrupt)
    with pytest.raises(KeyboardInterrupt):
        walk(session, 1)
    hook.remove()
    straight = replayed(short, 7)
    assert (session.chunk_index, session.rows_needed) == (7, 8)
    np.testing.assert_array_equal(session.actions, straight.actions)
    np.testing.assert_array_equal(frames(walk(session, 4)), frames(walk(straight, 4)))


def replayed(player: Player, chunks: int) -> WorldSession:
    session = begin(player)
    walk(session, chunks)
    return session


@pytest.mark.parametrize("chunks", [0, 11])
def test_a_saved_session_goes_on_exactly(short: Player, tmp_path: Path, chunks: int) -> None:
    session = replayed(short, chunks)
    session.caption = "a cellar"
    path = tmp_path / "new" / "walk.session"
    session.save(path)
    assert [file.name for file in path.parent.iterdir()] == ["walk.session"]
    loaded = WorldSession.load(short, path)
    assert (loaded.chunk_index, loaded.earliest) == (session.chunk_index, session.earliest)
    assert loaded.caption == "a cellar"
    np.testing.assert_array_equal(loaded.poses, session.poses)
    np.testing.assert_array_equal(loaded.actions, session.actions)
    np.testing.assert_array_equal(frames(walk(loaded, 2)), frames(walk(session, 2)))
    back = loaded.earliest
    loaded.go_to(back)
    np.testing.assert_array_equal(frames(walk(loaded, 1)), frames(walk(replayed(short, back), 1)))


def test_a_file_of_something_else_is_refused(short: Player, player: Player, tmp_path: Path) -> None:
    path = tmp_path / "walk.session"
    replayed(short, 2).save(path)
    other_weights = tiny_player(tmp_path, seed=1, **LONG)
    with pytest.raises(OpenRelicError, match="played with other weights"):
        WorldSession.load(other_weights, path)
    with pytest.raises(OpenRelicError, match=r"under another recipe \(micro\)"):
        WorldSession.load(player, path)
    with pytest.raises(OpenRelicError, match="is not there"):
        WorldSession.load(short, tmp_path / "absent")
    whole = path.read_bytes()
    for damaged in (whole[:-100], b"words", b""):
        path.write_bytes(damaged)
        with pytest.raises(OpenRelicError, match="is damaged"):
            WorldSession.load(short, path)


def one_hot_shares(
    seen: list[np.ndarray], sizes: list[int]
) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, float], None]:
    """Attention to values that say which latent they belong to gives that latent's share."""

    def watch(q: torch.Tensor, k: torch.Tensor, bias: torch.Tensor | None, scale: float) -> None:
        groups = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
        values = torch.nn.functional.one_hot(groups).float().expand(*q.shape[::2], -1, -1)
        out = scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), values, attn_mask=bias, scale=scale
        )
        seen.append(out.double().mean((0, 1, 2)).numpy())

    return watch


def test_watching_tells_the_shares_and_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    memory = {**SHORT_MEMORY["memory"], "log_size_bias": True}
    player = tiny_player(tmp_path, memory=memory, play__newest=9)
    session, blind = begin(player, watch=True), begin(player)
    chunks, unseen = walk(session, 7), walk(blind, 7)
    np.testing.assert_array_equal(frames(chunks), frames(unseen))
    assert all(chunk.attention is None for chunk in unseen)
    for chunk in chunks:
        assert chunk.attention is not None
        assert chunk.attention.shares.sum() + chunk.attention.own == pytest.approx(1, abs=1e-6)
    last = chunks[-1].attention
    assert last is not None and last.latents.tolist() == [0, 5, 6, 7, 8, 9, 10, 11]
    assert len(set(last.shares.round(6))) > 4

    seen: list[np.ndarray] = []
    view = replayed(player, 6).standing.memory.view()
    cells = {item.latent: -(-2 // item.factor) * -(-4 // item.factor) for item in view.kept}
    reference = one_hot_shares(seen, [*cells.values(), 2 * 8])
    own_way = watching._Watcher.see

    def see(self: watching._Watcher, *given) -> None:
        own_way(self, *given)
        reference(*given)

    monkeypatch.setattr(watching._Watcher, "see", see)
    again = replayed(player, 6)
    again.watch = True
    walk(again, 1)
    expected = np.mean(seen, axis=0)
    by_latent = dict(zip(cells, expected[:-1], strict=True))
    for latent, share in zip(last.latents, last.shares, strict=True):
        assert share == pytest.approx(by_latent[int(latent)], abs=1e-6)
    assert last.own == pytest.approx(expected[-1], abs=1e-6)


def test_a_known_video_is_remembered_as_if_it_had_been_generated(player: Player) -> None:
    made = begin(player)
    shown = frames(walk(made, 2))
    session = begin(player)
    session.step(random_rows(13))
    with pytest.raises(OpenRelicError, match="before its first step"):
        session.remember(made.actions, shown)
    session = begin(player)
    assert session.remember(random_rows(12), shown[:12]) == 0
    assert session.remember(made.actions[:40], shown) == 29
    assert session.chunk_index == 2
    np.testing.assert_array_equal(session.poses, made.poses)
    # The latents are those of the frames, not those that made them.
    stored = torch.cat([moment.latents for moment in session.history.moments], dim=2)
    assert torch.equal(stored, player.latents_of(shown))
    session.undo()
    assert session.chunk_index == 1


def test_the_student_is_a_streaming_model(player: Player) -> None:
    model = StudentModel(player=player, name="micro")
    assert (model.width, model.height, model.unit_deg) == (64, 32, 1.0)
    assert model.rotation_frame == "camera"
    stream = model.start(picture(), caption="a hall", seed=4)
    assert isinstance(stream, PlayedStream) and stream.rows_needed == 13
    shown = stream.step(random_rows(13, seed=0))
    np.testing.assert_array_equal(shown[0], player.fitted(picture()))
    np.testing.assert_array_equal(shown[1:], frames(walk(begin(player), 1))[1:])
    assert stream.rows_needed == 16


def test_the_memory_of_play_is_bounded_at_the_students_time_axis(player: Player) -> None:
    recipe = player.recipe
    assert recipe.memory.newest is None and played_memory(recipe).newest == 80
    given = replace(recipe, memory=replace(recipe.memory, newest=26))
    assert played_memory(given).newest == 26
    shorter = replace(recipe, play=replace(recipe.play, newest=44))
    assert played_memory(shorter).newest == 44
    control = replace(recipe, memory=replace(recipe.memory, older="drop"))
    assert played_memory(control) == control.memory


SAVING = """
import sys
from pathlib import Path
from tests.training.test_streaming_session import LONG, begin, tiny_player, walk
session = begin(tiny_player(Path(sys.argv[1]), **LONG))
while True:
    walk(session, 1)
    session.save(sys.argv[2])
    print("saved", flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_leaves_a_whole_file(short: Player, tmp_path: Path) -> None:
    path = tmp_path / "walk.session"
    for saves in (1, 4, 7):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING, str(tmp_path), str(path)], text=True,
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(saves):
            assert process.stdout.readline() == "saved\n"
        time.sleep(0.003 * saves)  # somewhere in the next chunk or its save
        process.kill()
        process.wait()
        loaded = WorldSession.load(short, path)
        assert loaded.chunk_index >= saves
        walk(loaded, 1)

"""A session beyond what its memory holds, against the definition written out, densely."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.tiny_model import relative_gap
from tests.training.tiny_player import SHORT_MEMORY, picture, random_rows, tiny_player
from training.attention import Attend, TokenGrid
from training.conditions import PoseState, integrate_actions
from training.flow import VelocityFn, few_step_sample, generated_latents
from training.rollout import Conditions, predict_velocity
from training.rope import Rope, rotate
from training.streaming.player import Player
from training.streaming.session import WorldSession

WINDOW, CHUNK, SCHEDULE = 4, 2, (1, 2, 4, 2, 4)
NEWEST, CHUNKS = 9, 12
SWITCH = 5  # chunks of which the memory holds everything: latent 0 and 9 others


def make_player(folder: Path, newest: int = NEWEST) -> Player:
    return tiny_player(folder, **SHORT_MEMORY, play__newest=newest)


@pytest.fixture(scope="module")
def player(tmp_path_factory) -> Player:
    torch.set_num_threads(1)
    return make_player(tmp_path_factory.mktemp("player"))


def rows_of(session: WorldSession) -> np.ndarray:
    return random_rows(session.rows_needed, seed=session.chunk_index)


class Dense:
    """Keeps every latent's raw keys and values and works out from them what a chunk sees."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self.raw: dict[int, list[list[torch.Tensor]]] = {}
        self.record = False
        self.first = 0

    def condition_index(self, latents: int) -> None:
        return None

    def prepare(
        self, rope: Rope, grid: TokenGrid, dtype: torch.dtype, device: torch.device, scale: float
    ) -> Attend:
        first, end = self.first, self.first + CHUNK
        seen = [i for i in range(first) if i == 0 or i >= end - self.newest]
        order = [*seen, *range(first, end)]
        spots = torch.cartesian_prod(torch.arange(grid.rows), torch.arange(grid.cols)).double()
        sums, places = [], []
        for rank, latent in enumerate(order):
            factor = 1 if latent >= end - WINDOW else SCHEDULE[latent % len(SCHEDULE)]
            cell = (spots // factor) @ torch.tensor([100.0, 1.0]).double()
            mean = (cell.unique()[:, None] == cell).double()
            mean /= mean.sum(1, keepdim=True)
            sums.append(mean)
            # In bounded mode latents are numbered again, without those that are forgotten.
            time = torch.full((len(mean), 1), float(rank), dtype=torch.float64)
            places.append(torch.cat([time, mean @ spots], dim=1))
        angles = rope.angles(torch.cat(places), torch.float64)
        own = rope.angles(torch.cat(places[len(seen) :]), torch.float64)

        def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            if self.record:
                for i, part in enumerate(zip(k.split(8, 1), v.split(8, 1), strict=True)):
                    self.raw.setdefault(first + i, []).append([one.double() for one in part])
            parts = [self.raw[i][layer] for i in seen]
            parts += [
                [a.double(), b.double()] for a, b in zip(k.split(8, 1), v.split(8, 1), strict=True)
            ]
            keys, values = (
                torch.cat(
                    [
                        torch.einsum("cn,bnhd->bchd", mean, part[kind])
                        for mean, part in zip(sums, parts, strict=True)
                    ],
                    dim=1,
                )
                for kind in (0, 1)
            )
            logits = torch.einsum("blhd,bmhd->bhlm", rotate(q.double(), own), rotate(keys, angles))
            out = torch.einsum("bhlm,bmhd->blhd", (logits * scale).softmax(-1), values)
            return out.to(q.dtype).flatten(2)

        return attend


def velocity(player: Player, conditions: Conditions, path: Dense) -> VelocityFn:
    return lambda x, sigma: predict_velocity(player.model, x, sigma, conditions, path)


@torch.no_grad()
def written_out(player: Player, newest: int) -> torch.Tensor:
    """All latents of a session with that memory."""
    path, pose = Dense(newest), PoseState.start(1)
    image = player.latents_of(picture()[None])
    generator = torch.Generator().manual_seed(0)
    made = []
    for index in range(CHUNKS):
        path.first, path.record = index * CHUNK, False
        rows = torch.from_numpy(random_rows(8 if index else 5, seed=index))[None]
        moves = rows if index else torch.cat([torch.zeros(1, 1, 13), rows[:, 1:]], dim=1)
        poses, pose = integrate_actions(moves, pose)
        conditions = Conditions(
            text_BLD=player.texts.encode([""]), actions_BFA=rows, poses_BFP=poses
        )

        def noise(like: torch.Tensor) -> torch.Tensor:
            return torch.randn(like.shape, generator=generator)

        velocity_of = velocity(player, conditions, path)
        start = noise(image.expand(-1, -1, CHUNK, -1, -1))
        if not index:
            start = torch.cat([image, start[:, :, 1:]], dim=2)
        levels, generated = player.recipe.flow.levels(), generated_latents(CHUNK, path.first)
        clean = few_step_sample(velocity_of, start, levels, generated, noise).x0_BCTHW
        path.record = True
        velocity_of(clean, torch.zeros(1, CHUNK))
        made.append(clean)
    return torch.cat(made, dim=2)


def test_a_bounded_session_is_its_definition(player: Player) -> None:
    session = WorldSession.start(player, picture())
    for _ in range(CHUNKS):
        session.step(rows_of(session))
    found = torch.cat([moment.latents for moment in session.history.moments], dim=2)
    assert relative_gap(found, written_out(player, NEWEST)) < 1e-4
    # It is not so by chance: another bound is seen as soon as something is forgotten.
    other = written_out(player, NEWEST + 1)
    assert relative_gap(found[:, :, : 2 * SWITCH], other[:, :, : 2 * SWITCH]) < 1e-4
    assert relative_gap(found[:, :, 2 * SWITCH :], other[:, :, 2 * SWITCH :]) > 1e-3


def test_nothing_changes_until_something_is_forgotten(player: Player, tmp_path: Path) -> None:
    session = WorldSession.start(player, picture())
    unbounded = WorldSession.start(make_player(tmp_path, newest=104), picture())
    same = [
        np.array_equal(session.step(rows).frames, unbounded.step(rows).frames)
        for rows in (random_rows(8 if i else 5, seed=i) for i in range(SWITCH + 1))
    ]
    assert same == [True] * SWITCH + [False]


def test_beyond_the_bound_every_chunk_costs_the_same(player: Player) -> None:
    session = WorldSession.start(player, picture())
    costs, buffers = [], set()
    for _ in range(20):
        chunk = session.step(rows_of(session))
        costs.append((chunk.tokens, chunk.memory_bytes))
        buffers.add(session.standing.memory.nbytes())
    assert costs[:SWITCH] == sorted(set(costs[:SWITCH]))  # it grows
    assert len(set(costs[SWITCH:])) == 1
    assert len(buffers) == 1 and costs[-1][1] == buffers.pop()


def test_the_default_is_the_papers_schedule_for_20_s(tmp_path: Path) -> None:
    """Window 8, chunks of 4, 30 x 52 tokens a latent: 31,512 tokens, then constant."""
    from training.memory.schedule import kept_latents, visible_tokens
    from training.streaming.player import played_memory

    memory = played_memory(tiny_player(tmp_path).recipe)
    for end in range(4, 84, 4):
        assert [kept.latent for kept in kept_latents(memory, end)] == list(range(end - 4))
    assert visible_tokens(memory, 80, 30, 52) == 31_512
    later = {visible_tokens(memory, end, 30, 52) for end in range(84, 1000, 4)}
    assert later == {31_512 + 30 * 52}  # latent 0, which is whole, beside 80 others

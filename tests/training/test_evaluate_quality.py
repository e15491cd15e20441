"""PSNR and MS-SSIM of counted pixels, and which pixels the first picture saw."""

import importlib

import numpy as np
import pytest
import torch

from dataset.errors import OpenRelicError
from labeling.camera import extrinsics, turn_matrix
from training.evaluate.quality import ms_ssim, psnr_db, scales_of
from training.evaluate.seen import pixel_rays, seen_from_first

WIDTH, HEIGHT = 96, 64
LENS = np.array([70.0, 70.0, 48.0, 32.0])


def noisy_pair(
    height: int, width: int, frames: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (frames, height // 8, width // 8, 3), np.uint8)
    truth = coarse.repeat(8, 1).repeat(8, 2)
    other = np.clip(truth + random.normal(0, 25, truth.shape), 0, 255).astype(np.uint8)
    return other, truth


@pytest.mark.parametrize(("height", "width", "scales"), [(64, 128, 3), (176, 256, 5)])
def test_ms_ssim_of_all_pixels_is_the_library_s(height: int, width: int, scales: int) -> None:
    library = importlib.import_module("pytorch_msssim")
    other, truth = noisy_pair(height, width)
    found = ms_ssim(other, truth, np.ones(truth.shape[:3], bool))
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    assert scales_of(height, width) == scales
    x, y = (torch.from_numpy(one).permute(0, 3, 1, 2).double() for one in (other, truth))
    # The library keeps its window in float32, and insists on room for five scales.
    if scales == 5:
        expected = library.ms_ssim(x, y, data_range=255, size_average=False)
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    else:
        np.testing.assert_allclose(found, chain_of_scales(library, x, y, weights), atol=1e-5)


def chain_of_scales(library, x: torch.Tensor, y: torch.Tensor, weights: np.ndarray) -> np.ndarray:
    """MS-SSIM of fewer scales, from the library's own single-scale maps."""
    module = importlib.import_module("pytorch_msssim.ssim")
    window = module._fspecial_gauss_1d(11, 1.5).repeat(3, 1, 1, 1).double()
    product: torch.Tensor | float = 1.0
    for number, weight in enumerate(weights / weights.sum()):
        whole, contrast = module._ssim(x, y, win=window, data_range=255, size_average=False)
        last = number == len(weights) - 1
        product = product * torch.relu(whole if last else contrast) ** weight
        x, y = (torch.nn.functional.avg_pool2d(one, 2) for one in (x, y))
    assert isinstance(product, torch.Tensor)
    return product.mean(1).numpy()


def test_pixels_that_do_not_count_have_no_influence() -> None:
    other, truth = noisy_pair(64, 96)
    counted = np.zeros(truth.shape[:3], bool)
    counted[:, 10:50, 20:70] = True
    counted[:, 20:30, 30:40] = False
    spoilt = np.where(counted[..., None], other, 255 - truth)
    np.testing.assert_array_equal(psnr_db(other, truth, counted), psnr_db(spoilt, truth, counted))
    np.testing.assert_allclose(ms_ssim(other, truth, counted), ms_ssim(spoilt, truth, counted))
    assert (ms_ssim(truth, truth, counted) == pytest.approx(1.0)) and (
        psnr_db(truth, truth, counted) == 100.0
    ).all()
    inside = other[:, 10:50, 20:70], truth[:, 10:50, 20:70]
    error = (inside[0].astype(float) - inside[1]) ** 2
    kept = counted[:, 10:50, 20:70]
    expected = [
        10 * np.log10(255**2 / one[mask].mean()) for one, mask in zip(error, kept, strict=True)
    ]
    np.testing.assert_allclose(psnr_db(other, truth, counted), expected)


def test_worse_pictures_score_worse_and_none_counted_is_no_number() -> None:
    other, truth = noisy_pair(64, 96)
    counted = np.ones(truth.shape[:3], bool)
    counted[1] = False
    better = ((other.astype(int) + truth) // 2).astype(np.uint8)
    for score in (psnr_db, ms_ssim):
        far, near = score(other, truth, counted), score(better, truth, counted)
        assert far[0] < near[0] and np.isnan(far[1]) and np.isnan(near[1])
    with pytest.raises(OpenRelicError, match="too small for SSIM"):
        scales_of(8, 96)


def board_scene(camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (H, W) in m and points in the world of a wall, 6 m ahead and slanted, with a board."""
    R, t = camera[:, :3], camera[:, 3]
    rays, centre = pixel_rays(LENS, HEIGHT, WIDTH) @ R, -R.T @ t
    slanted = np.array([0.3, 0.1, 1.0])
    wall = (6.0 - centre @ slanted) / (rays @ slanted)
    board = (2.0 - centre[2]) / rays[..., 2]
    hit = centre + rays * board[..., None]
    on_board = (np.abs(hit[..., 0] - 0.3) < 0.5) & (np.abs(hit[..., 1]) < 0.4) & (board > 0)
    depth = np.where(on_board, board, wall)
    return depth, centre + rays * depth[..., None]


def hidden_by_board(points: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Whether the board stands between an eye and points behind it; exact."""
    share = (2.0 - eye[2]) / (points[..., 2] - eye[2])
    through = eye + (points - eye) * share[..., None]
    inside = (np.abs(through[..., 0] - 0.3) < 0.5) & (np.abs(through[..., 1]) < 0.4)
    return inside & (points[..., 2] > 2.0 + 1e-9)


def test_seen_is_what_exact_geometry_says() -> None:
    turn = turn_matrix(np.array([[0.0, 0, 0], [8.0, -3, 5], [-6.0, 2, 0], [0.0, 0, 0]]))
    centres = np.array([[0.0, 0, 0], [0.7, -0.2, 0.4], [-0.5, 0.1, -0.8], [0.4, 0, -1.2]])
    cameras = extrinsics(np.swapaxes(turn, 1, 2), centres)
    depth, points = map(np.stack, zip(*(board_scene(one) for one in cameras), strict=True))
    seen = seen_from_first(100.0 * depth, cameras, LENS)
    assert seen[0].all()
    for t in range(1, len(cameras)):
        x, y, z = np.moveaxis(points[t], -1, 0)
        u, v = 70 * x / z + 48, 70 * y / z + 32
        inside = (z > 0) & (u >= 0.5) & (v >= 0.5) & (u <= WIDTH - 0.5) & (v <= HEIGHT - 0.5)
        expected = inside & ~hidden_by_board(points[t], centres[0])
        assert 0.05 < expected.mean() < 0.98 and (inside & ~expected).any()
        # What counts is never wrong by more than the pixels that the board's edge runs through.
        assert (seen[t] & ~expected).mean() < 0.002
        assert (expected & ~seen[t]).mean() < 0.06
        assert seen[t][expected].mean() > 0.9


def test_the_sky_is_seen_if_the_first_picture_saw_sky_there() -> None:
    depth = np.full((2, HEIGHT, WIDTH), np.inf)
    depth[:, 40:] = 500.0
    turn = turn_matrix(np.array([[0.0, 0, 0], [20.0, 0, 0]]))
    cameras = extrinsics(np.swapaxes(turn, 1, 2), np.zeros((2, 3)))
    seen = seen_from_first(depth, cameras, LENS)
    # 20 degrees to the right: the right part was outside the first picture, the left was in it.
    assert seen[1, 5:20, 5:55].all() and not seen[1, :, 85:].any()

import numpy as np
import pytest
import torch

from dataset.colour import plane_psnr_db
from dataset.config import LatentsConfig
from dataset.errors import OpenRelicError
from dataset.latents.tokenizers import (
    PcaTokenizer,
    WanTokenizer,
    fit_tokenizer,
    frames_to_video,
    from_patches,
    load_tokenizer,
    to_patches,
    video_to_frames,
)

PCA = LatentsConfig(
    tokenizer="pca", pretrained="", channels=16, height=32, width=64, fit_samples=2, dtype="float16"
)


def moving_scene(frames: int = 21, seed: int = 0) -> np.ndarray:
    """Smooth coloured waves that drift, (T, 32, 64, 3) uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:32, 0:64] / 64
    time = np.arange(frames)[:, None, None] / 16
    waves = [
        np.sin(2 * np.pi * (a * x + b * y + c * time) + d)
        for a, b, c, d in rng.uniform(-2, 2, (3, 4))
    ]
    return (127.5 + 120 * np.stack(waves, -1)).astype(np.uint8)


@pytest.fixture(scope="module")
def video() -> torch.Tensor:
    return frames_to_video(moving_scene())


@pytest.fixture(scope="module")
def pca() -> PcaTokenizer:
    return PcaTokenizer.fit([frames_to_video(moving_scene(seed=seed)) for seed in range(4)], 16)


@pytest.fixture(scope="module")
def wan() -> WanTokenizer:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    torch.manual_seed(0)
    torch.set_num_threads(1)
    vae = AutoencoderKLWan(
        base_dim=8, z_dim=4, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
        latents_mean=[0.1, -0.2, 0.3, 0.0], latents_std=[2.0, 1.0, 0.5, 1.5],
    )  # fmt: skip
    return WanTokenizer(vae)


def test_frames_survive_the_way_to_video_and_back():
    frames = moving_scene()
    assert np.array_equal(video_to_frames(frames_to_video(frames)), frames)


def test_patches_are_a_rearrangement(video):
    patches = to_patches(video)
    assert patches.shape == (1, 6, 4, 8, 768)
    back = from_patches(patches)
    assert torch.equal(back[:, :, 4:], video[:, :, 1:])
    assert torch.equal(back[:, :, :4], video[:, :, :1].expand(-1, -1, 4, -1, -1))


@pytest.mark.parametrize("name", ["pca", "wan"])
def test_shapes_are_those_of_wans_vae(name, video, request):
    tokenizer = request.getfixturevalue(name)
    latents = tokenizer.encode(video)
    assert latents.shape == (1, tokenizer.channels, 6, 4, 8)
    assert tokenizer.decode(latents).shape == video.shape


@pytest.mark.parametrize("name", ["pca", "wan"])
def test_the_future_does_not_change_past_latents(name, video, request):
    tokenizer = request.getfixturevalue(name)
    changed = video.clone()
    changed[:, :, 9:] = 0.5
    before, after = tokenizer.encode(video), tokenizer.encode(changed)
    assert torch.equal(before[:, :, :3], after[:, :, :3])
    assert not torch.equal(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("name", ["pca", "wan"])
@pytest.mark.parametrize("chunks", [(1, 5), (4, 2), (1, 1, 1, 1, 1, 1)])
def test_a_stream_decodes_what_decode_decodes(name, chunks, video, request):
    tokenizer = request.getfixturevalue(name)
    latents = tokenizer.encode(video)
    stream = tokenizer.stream()
    parts = [stream.decode(part) for part in latents.split(list(chunks), dim=2)]
    assert [part.shape[2] for part in parts] == [4 * chunks[0] - 3, *(4 * n for n in chunks[1:])]
    # One matmul over more rows may add in another order.
    torch.testing.assert_close(torch.cat(parts, 2), tokenizer.decode(latents), atol=1e-5, rtol=0)


def test_wan_decodes_as_diffusers_does(wan, video):
    latents = wan.encode(video)
    mean = torch.tensor([0.1, -0.2, 0.3, 0.0]).view(1, 4, 1, 1, 1)
    std = torch.tensor([2.0, 1.0, 0.5, 1.5]).view(1, 4, 1, 1, 1)
    with torch.no_grad():
        raw = wan._vae.encode(video).latent_dist.mode()
        expected = wan._vae.decode(raw).sample
    torch.testing.assert_close(latents, (raw - mean) / std)
    torch.testing.assert_close(wan.decode(latents), expected, atol=1e-5, rtol=0)


def test_two_wan_streams_do_not_disturb_each_other(wan, video):
    latents = wan.encode(video)
    alone = wan.decode(latents)
    one, other = wan.stream(), wan.stream()
    parts = []
    for part in latents.split(2, dim=2):
        parts.append(one.decode(part))
        other.decode(-part)
    torch.testing.assert_close(torch.cat(parts, 2), alone, atol=1e-5, rtol=0)


def test_pca_reconstructs_and_is_normalised(pca):
    videos = [frames_to_video(moving_scene(seed=seed)) for seed in range(4)]
    latents = torch.cat([pca.encode(video) for video in videos])
    over = (0, 2, 3, 4)
    torch.testing.assert_close(latents.mean(over), torch.zeros(16), atol=1e-3, rtol=0)
    assert float(latents.square().mean()) == pytest.approx(1.0, abs=1e-3)
    frames = moving_scene(seed=1)
    decoded = video_to_frames(pca.decode(pca.encode(frames_to_video(frames))))
    assert plane_psnr_db(frames, decoded) > 25


def test_pca_components_are_numpys(pca):
    rows = torch.cat(
        [to_patches(frames_to_video(moving_scene(seed=s))).reshape(-1, 768) for s in range(4)]
    )
    centred = rows.double().numpy() - rows.double().numpy().mean(0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    alignment = np.abs((axes[:6] * pca.basis.numpy().T[:6]).sum(1))
    np.testing.assert_allclose(alignment, 1, atol=1e-4)
    mean_square = np.square(singular[:16]).mean() / len(rows)
    np.testing.assert_allclose(pca.std, np.full(16, np.sqrt(mean_square)), rtol=1e-4)


def test_an_error_of_pca_latents_is_an_error_of_pixels(pca, video):
    """Up to one number, for all components: a loss over latents sees what an eye sees."""
    latents = pca.encode(video)
    change = torch.zeros_like(latents)
    ratios = []
    for component in (0, 3, 15):
        change.zero_()[:, component] = 1e-3
        off = pca.reconstruct(0.1 * latents + change) - pca.reconstruct(0.1 * latents)
        ratios.append(float(off.square().mean()))
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-2)


def test_a_still_scene_has_one_latent_for_all_times(pca):
    still = frames_to_video(np.repeat(moving_scene()[:1], 9, axis=0))
    latents = pca.encode(still)
    torch.testing.assert_close(latents[:, :, 0], latents[:, :, 2])


def test_stored_and_loaded_is_the_same_tokenizer(pca, video):
    loaded = load_tokenizer(PCA, pca.to_bytes())
    assert loaded.fingerprint == pca.fingerprint
    assert torch.equal(loaded.encode(video), pca.encode(video))
    again = fit_tokenizer(PCA, [video])
    assert again.fingerprint == fit_tokenizer(PCA, [video]).fingerprint != pca.fingerprint


def test_a_missing_vae_is_one_line():
    config = LatentsConfig(
        tokenizer="wan", pretrained="/nowhere/wan", channels=16, height=480, width=832,
        fit_samples=0, dtype="float16",
    )  # fmt: skip
    with pytest.raises(OpenRelicError, match="/nowhere/wan"):
        load_tokenizer(config, None)


def test_too_few_patches_cannot_be_fitted(video):
    with pytest.raises(OpenRelicError, match="add samples"):
        PcaTokenizer.fit([video], 500)

"""The dataset card, `shards/README.md`: what is in the shards, under which licences, how to read
them."""

from collections.abc import Callable, Sequence

from dataset.shards.manifest import SPLITS, SampleRow
from dataset.shards.planning import Plan
from dataset.workspace import SHARDS, Workspace

CARD = f"{SHARDS}/README.md"

_CARD = """# Camera tours of static 3D scenes, with actions and poses

Rendered video of a camera that moves through static scenes. Every frame has its exact camera pose
and the 13 action magnitudes that led to it. Made with OpenRELIC, an open implementation of the data
pipeline of RELIC (arXiv 2512.04040).

## Splits

No asset stands in two splits; scenes that are built from one asset stay together.

{splits}

A palindrome runs forward to a pivot and back the way it came: places whose look is known are seen
again. Its video holds only the way out, once. {palindromes}
{remarks}
## What was left out

{left_out}

## Scenes and licences

{scenes}

## A sample

Shards are tar files in WebDataset's layout. A sample has five members:

| member | what |
|---|---|
| `mp4` | H.264, yuv420p, BT.709, {fps} frames a second, a keyframe every 16 frames, no B-frames |
| `index.npy` | int64 (T,): frame t of the sample is frame `index[t]` of the video |
| `camera.npy` | float64 (T,3,4): world-to-camera [R \\| -R P], metres |
| `actions.npy` | float32 (T,13): how the camera came from frame t-1 to frame t; row 0 is static |
| `json` | units, rotation frame, intrinsics, caption, scene, asset, licence, source clip, pivot |

`camera.npy` and `actions.npy` are already unfolded: row t belongs to frame t of the sample, also
in a palindrome.

- World: right-handed, X forward, Y left, Z up, metres. Camera: OpenCV axes, x right, y down, z
  forward. Intrinsics are in pixels with the image's corner at (0, 0).
- Actions, in column order: `{actions}`.
  All are magnitudes that are not negative. Of two opposite directions at most one is not zero.
- Translation is in the camera's axes and in units of `units.translation_m` metres, the usual step
  of the clip. Rotation is in units of `units.rotation_deg` degrees; `rotation_frame` says about
  which axes. Integrating the actions from the first pose gives the other poses.

## Loading

With WebDataset, anywhere:

```python
import io, json
import numpy as np
import webdataset

for sample in webdataset.WebDataset("train-000000.tar", shardshuffle=False):
    index = np.load(io.BytesIO(sample["index.npy"]))
    actions = np.load(io.BytesIO(sample["actions.npy"]))
    facts = json.loads(sample["json"])
    video = sample["mp4"]
```

With OpenRELIC, which checks every sample against the digest in `manifest.parquet`:

```python
from dataset.shards.loader import iterate_samples
from dataset.workspace import Workspace

for sample in iterate_samples(Workspace("path/to/workspace"), "train"):
    frames = list(sample.frames())  # T of RGB (H, W, 3) uint8
```

`dataset.shards.torch_loader.ShardLoader` gives batches to training: shuffled, shared out to ranks,
and resumed within an epoch.

`manifest.parquet` has a row a sample: key, split, shard, byte offset and size, BLAKE3 digest of
that range, tour, scene, asset, licence, first frame, length and pivot. `settings.json` holds the
settings that the shards were built with.
"""


def write_card(workspace: Workspace, rows: Sequence[SampleRow], plan: Plan) -> None:
    """Write the card of finished shards."""
    workspace.write_bytes(CARD, card_text(rows, plan).encode())


def card_text(rows: Sequence[SampleRow], plan: Plan) -> str:
    """The card, in Markdown."""
    from labeling.actions import ACTIONS

    return _CARD.format(
        splits=_table(SPLIT_HEADER, split_rows(rows)),
        palindromes=palindrome_sentence(rows),
        remarks="".join(f"\n{remark}\n" for remark in plan.remarks),
        left_out=left_out_text(plan),
        scenes=_table(
            ["scene", "asset", "licence", "split", "samples", "minutes"], _scene_rows(rows)
        ),
        fps=", ".join(str(fps) for fps in sorted({row.fps for row in rows})),
        actions=", ".join(ACTIONS),
    )


SPLIT_HEADER = ["split", "samples", "of them palindromes", "frames", "minutes", "scenes", "assets"]


def split_rows(rows: Sequence[SampleRow]) -> list[list[object]]:
    """A line a split, with `SPLIT_HEADER`'s columns."""
    return [_split_row(split, [row for row in rows if row.split == split]) for split in SPLITS]


def _split_row(split: str, rows: list[SampleRow]) -> list[object]:
    return [
        split,
        len(rows),
        sum(row.pivot is not None for row in rows),
        sum(row.length for row in rows),
        f"{minutes(rows):.2f}",
        _distinct(rows, lambda row: row.scene),
        _distinct(rows, lambda row: row.asset),
    ]


def palindrome_sentence(rows: Sequence[SampleRow]) -> str:
    """The share of palindromes that was reached."""
    turned = sum(row.pivot is not None for row in rows)
    windows = len(rows) - turned
    return f"{turned} of {windows} windows are there as a palindrome too ({turned / windows:.0%})."


LEFT_OUT_HEADER = ["why", "clips", "minutes"]


def left_out_rows(plan: Plan) -> list[list[object]]:
    """A line a reason, with `LEFT_OUT_HEADER`'s columns."""
    return [[entry.reason, entry.clips, f"{entry.minutes:.2f}"] for entry in plan.left_out]


def left_out_text(plan: Plan) -> str:
    """What was left out, in Markdown."""
    rows = left_out_rows(plan)
    return _table(LEFT_OUT_HEADER, rows) if rows else "Nothing: every frame is in some sample."


def minutes(rows: Sequence[SampleRow]) -> float:
    """Playing time of samples in minutes."""
    return sum(row.length / row.fps for row in rows) / 60


def _distinct(rows: list[SampleRow], what: Callable[[SampleRow], str]) -> int:
    return len({what(row) for row in rows})


def _scene_rows(rows: Sequence[SampleRow]) -> list[list[object]]:
    scenes: dict[tuple[str, str, str, str], list[SampleRow]] = {}
    for row in rows:
        scenes.setdefault((row.scene, row.asset, row.licence, row.split), []).append(row)
    return [[*scene, len(of), f"{minutes(of):.2f}"] for scene, of in sorted(scenes.items())]


def _table(header: list[str], rows: list[list[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)

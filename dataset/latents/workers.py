"""Encoding under Ray: each worker loads the tokenizer once and takes one video after another.

Workers write the samples' files themselves; only rows of the manifest pass through Ray. A worker
that dies is replaced, and its video encoded again: the file of a sample is the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dataset.config import LatentsConfig
from dataset.errors import OpenRelicError
from dataset.latents.encoding import EncodedGroup, Encoder, load_stored_tokenizer
from dataset.latents.small_frames import SmallFrames
from dataset.latents.tokenizers import WanTokenizer
from dataset.shards.manifest import SampleRow
from dataset.workspace import Workspace

RETRIES = 3


@dataclass(frozen=True, kw_only=True)
class RayCrew:
    """`workers` processes, one a core or a GPU share if not given, here or on a cluster."""

    workers: int | None
    address: str | None = None
    gpus: float = 0.0  # of each worker

    def encoded(
        self, workspace: Workspace, config: LatentsConfig, groups: list[list[SampleRow]]
    ) -> Iterator[EncodedGroup]:
        """See `EncodingCrew`."""
        from capture.crew.ray_start import Shares, start_ray

        most = start_ray(self.address, self.workers, Shares(gpus=self.gpus))
        import ray
        from ray.exceptions import RayError
        from ray.util import ActorPool

        hire = ray.remote(
            num_cpus=1, num_gpus=self.gpus, max_restarts=RETRIES, max_task_retries=RETRIES
        )(_Worker)
        try:
            count = max(1, min(most, len(groups)))
            pool = ActorPool(
                [hire.remote(workspace.location, config, self.gpus > 0) for _ in range(count)]
            )
            for done in map(_plain, pool.map_unordered(_call, groups)):
                if isinstance(done, str):
                    raise OpenRelicError(done)
                yield done
        except RayError as error:
            raise OpenRelicError(
                f"a worker was lost {RETRIES + 1} times ({str(error).splitlines()[0]}): run the "
                "same command again to go on, with fewer --workers if memory is short"
            ) from error
        finally:
            ray.shutdown()


def _plain(returned: Any) -> Any:
    return returned  # Ray's stubs call a result a list


def _call(worker: Any, group: list[SampleRow]) -> Any:
    return worker.encoded.remote(group)


class _Worker:
    """The actor."""

    def __init__(self, location: str, config: LatentsConfig, on_gpu: bool) -> None:
        self._location, self._config, self._on_gpu = location, config, on_gpu
        self._encoder: Encoder | None = None

    def encoded(self, group: list[SampleRow]) -> EncodedGroup | str:
        """A group, or the line that a user sees: Ray would wrap the exception in pages."""
        try:
            if self._encoder is None:
                self._encoder = self._made()
            return self._encoder.encoded(group)
        except OpenRelicError as error:
            return str(error)

    def _made(self) -> Encoder:
        workspace = Workspace(self._location)
        tokenizer = load_stored_tokenizer(workspace, self._config)
        if self._on_gpu and isinstance(tokenizer, WanTokenizer):
            tokenizer.to("cuda")
        frames = SmallFrames(self._config.width, self._config.height)
        return Encoder(workspace, self._config, tokenizer, frames)

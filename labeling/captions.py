"""Caption every 5 s segment of a workspace's clips: static content only, never camera or motion.

    python -m labeling.captions WORKSPACE
    python -m labeling.captions WORKSPACE --source transformers --model Qwen/Qwen2.5-VL-3B-Instruct
    python -m labeling.captions WORKSPACE --source openai --url http://host:8000/v1 --model NAME

Writes captions/<set>/<tour_id>.json. Captions that speak of camera or motion are asked for again,
then listed as failures. Clips whose captions are complete are skipped, so the command can be
stopped, and run again to retry what failed.
"""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dataset.arguments import WorkspaceArgument
from dataset.errors import OpenRelicError, parse_settings, run_command

if TYPE_CHECKING:
    from labeling.captioning.sources import CaptionSource

log = logging.getLogger(__name__)

SHOWN_FAILURES = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line sets."""

    workspace: WorkspaceArgument
    """Folder or URI of the workspace."""
    source: Literal["manifest", "transformers", "openai"] = "manifest"
    """manifest: what the engine says of its scene; transformers: a vision-language model on this
    machine; openai: a server with OpenAI's chat completions."""
    model: str = ""
    """transformers: a folder or a name on the Hub; openai: the model's name on the server."""
    url: str = "http://localhost:8000/v1"
    """openai: the server's address, up to /v1. A key is taken from OPENAI_API_KEY."""
    set: str = "default"
    """Name of the caption set; no dots."""
    images: int = 3
    """Frames of a segment that a model is shown."""
    attempts: int = 3
    """Times a segment's caption is asked for before it counts as failed."""
    replace: bool = False
    """Make captions anew that another source made."""


def main() -> None:
    """Caption what has no captions yet; exit code 1 if some failed."""
    settings = parse_settings(Settings, __doc__)
    check(settings)
    from dataset.clip import require_clips
    from dataset.workspace import Workspace
    from labeling.captioning.segments import caption_clips

    workspace = Workspace(settings.workspace)
    clips = require_clips(workspace)
    failures = caption_clips(
        workspace, clips, settings.set, _source(settings), images=settings.images,
        attempts=settings.attempts, replace=settings.replace,
    )  # fmt: skip
    for tour_id, segment in failures[:SHOWN_FAILURES]:
        log.info("%s, frame %d: %s", tour_id, segment.first_frame, segment.failure)
    if failures:
        raise OpenRelicError(
            f"{len(failures)} segments have no caption (captions/{settings.set} says why for "
            "each); run the same command again to retry them, or use another source"
        )


def check(settings: Settings) -> None:
    """Refuse settings that no run can have."""
    for name in ("images", "attempts"):
        if not 1 <= getattr(settings, name) <= 16:
            raise OpenRelicError(f"--{name} is {getattr(settings, name)}; 1 to 16 are allowed")
    if settings.source != "manifest" and not settings.model:
        raise OpenRelicError(f"--source {settings.source} needs --model")


def _source(settings: Settings) -> "CaptionSource":
    from labeling.captioning.sources import ManifestSource, OpenAISource, TransformersSource

    if settings.source == "transformers":
        return TransformersSource(settings.model)
    if settings.source == "openai":
        return OpenAISource(settings.url, settings.model)
    return ManifestSource()


if __name__ == "__main__":
    run_command(main)

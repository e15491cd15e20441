"""Where captions come from: the scene's manifest, a local vision-language model, or a server."""

import base64
import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from dataset.clip import SCENE_MANIFEST, Clip
from dataset.errors import MissingInputError, OpenRelicError
from dataset.workspace import Workspace
from labeling.captioning.rules import tidy

SourceName = Literal["manifest", "transformers", "openai"]

PROMPT = (
    "Describe the place in these pictures in one or two sentences: its kind, layout, objects, "
    "materials and light. Name only what is visible and still. Do not mention a camera, a view, a "
    "video, or anything that moves. Answer with the description alone."
)
MAX_TOKENS = 120
JPEG_QUALITY = 90
TIMEOUT_S = 120.0


class CaptionSource(Protocol):
    """Captions one segment of a clip."""

    name: str  # kept with the captions: what they were made by
    needs_images: bool

    def caption(self, workspace: Workspace, clip: Clip, images: Sequence[np.ndarray],
                attempt: int) -> str:  # fmt: skip
        """A caption of `images` (H,W,3) uint8 RGB; `attempt` counts from 0 and varies it."""
        ...


class ManifestSource:
    """The caption that the engine's own manifest of the scene gives, the same for every segment."""

    needs_images = False
    name = "manifest"

    def caption(self, workspace: Workspace, clip: Clip, images: Sequence[np.ndarray],
                attempt: int) -> str:  # fmt: skip
        """The manifest's caption; raises `OpenRelicError` if the clip has none."""
        manifest = {}
        if SCENE_MANIFEST in clip.files:
            manifest = workspace.read_json(clip.path(SCENE_MANIFEST))
        text = manifest.get("caption") if isinstance(manifest, dict) else None
        if not text:
            raise OpenRelicError(
                "the engine's manifest holds no caption; use --source transformers or openai"
            )
        return tidy(str(text))


class TransformersSource:
    """A vision-language model on this machine, any that `AutoModelForImageTextToText` loads."""

    needs_images = True

    def __init__(self, model: str, device: str | None = None, dtype: str = "auto") -> None:
        """Load `model`, a folder or a name on the Hub."""
        try:
            import torch
            from transformers import AutoModelForImageTextToText, AutoProcessor
        except ImportError as error:
            raise MissingInputError(
                "a vision-language model's library", "pip install 'openrelic[captions]'"
            ) from error
        self.name = f"transformers:{model}"
        self._torch: Any = torch
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self._processor: Any = AutoProcessor.from_pretrained(model)
            loaded: Any = AutoModelForImageTextToText.from_pretrained(model, dtype=dtype)
        except (OSError, ValueError) as error:
            raise OpenRelicError(
                f"model {model!r} cannot be loaded as a vision-language model "
                f"({str(error).splitlines()[0]}); give a folder or a Hub name that "
                "AutoModelForImageTextToText takes"
            ) from error
        self._model = loaded.to(self._device).eval()

    def caption(self, workspace: Workspace, clip: Clip, images: Sequence[np.ndarray],
                attempt: int) -> str:  # fmt: skip
        """The model's answer: its likeliest first, then samples with the attempt as seed."""
        content: list[dict[str, Any]] = [{"type": "image"} for _ in images]
        chat = [{"role": "user", "content": [*content, {"type": "text", "text": PROMPT}]}]
        text = self._processor.apply_chat_template(chat, add_generation_prompt=True)
        inputs = self._processor(text=[text], images=[list(images)], return_tensors="pt")
        inputs = inputs.to(self._device)
        self._torch.manual_seed(attempt)
        with self._torch.inference_mode():
            tokens = self._model.generate(
                **inputs, max_new_tokens=MAX_TOKENS, do_sample=attempt > 0
            )
        answer = tokens[0, inputs["input_ids"].shape[1] :]
        return tidy(self._processor.decode(answer, skip_special_tokens=True))


class OpenAISource:
    """A server with OpenAI's chat completions: vLLM, llama.cpp, Ollama, or a provider."""

    needs_images = True

    def __init__(self, url: str, model: str) -> None:
        """`url` ends before /chat/completions (…/v1); a key is taken from OPENAI_API_KEY."""
        self.name = f"openai:{model}"
        self._endpoint = f"{url.rstrip('/')}/chat/completions"
        self._model = model

    def caption(self, workspace: Workspace, clip: Clip, images: Sequence[np.ndarray],
                attempt: int) -> str:  # fmt: skip
        """The server's answer; raises `OpenRelicError` if it gives none."""
        import requests

        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            reply = requests.post(
                self._endpoint, json=self._question(images, attempt), headers=headers,
                timeout=TIMEOUT_S,
            )  # fmt: skip
            reply.raise_for_status()
            return tidy(str(reply.json()["choices"][0]["message"]["content"]))
        except (requests.RequestException, KeyError, IndexError, TypeError) as error:
            raise OpenRelicError(f"{self._endpoint} gave no caption: {error}") from error

    def _question(self, images: Sequence[np.ndarray], attempt: int) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": PROMPT}]
        for image in images:
            content.append({"type": "image_url", "image_url": {"url": _data_url(image)}})
        return {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": MAX_TOKENS,
            "temperature": 0.0 if attempt == 0 else 0.7,
            "seed": attempt,
        }


def _data_url(image_rgb: np.ndarray) -> str:
    import cv2

    jpeg = cv2.imencode(".jpg", image_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"

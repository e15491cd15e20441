"""Captions: what may be said, each source for real, and that failures are kept and retried."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dataset.workspace import Workspace
from labeling.captioning.rules import objection, tidy
from labeling.captioning.segments import caption_clips
from labeling.captioning.sources import OpenAISource, TransformersSource
from labeling.captioning.store import read_captions, segment_borders
from tests.labeling.paths import commit_clip, smooth_ue

FRAMES = 200  # 5 s, 5 s and 2.5 s

STATIC = [
    "A living room with a brown sofa, a glass table and a picture of the sea.",
    "A narrow street of brick houses with parked cars; a moving van stands by the kerb.",
    "A kitchen with a pan on the stove and running water taps of brass.",
    "A warehouse with tall racks, a roller door and lamps under the trusses.",
    "A cathedral with flying buttresses and a stone walkway.",
    "A forest trail between mossy rocks under a clear sky, with long shadows.",
    "An office with a view of the city through tall windows.",
]
MOVING = [
    "The camera pans left across a living room.",
    "A slow zoom into the kitchen.",
    "We walk through a long corridor.",
    "A first-person view of a street.",
    "The scene shifts to a forest.",
    "An aerial shot of a village.",
    "A car drives along the road.",
    "Leaves sway in the wind beside a house.",
    "The view moves forward along the hall.",
    "A tracking shot of a corridor with doors.",
    "The footage shows an empty square.",
    "A hallway, slowly approaching a wooden door.",
    "The video shows a kitchen with white cupboards.",
    "The image rotates around a statue.",
]


@pytest.mark.parametrize("caption", STATIC)
def test_static_content_is_taken(caption: str):
    assert objection(caption) is None


@pytest.mark.parametrize("caption", MOVING)
def test_camera_and_motion_are_refused(caption: str):
    assert "camera or motion" in str(objection(caption))


@pytest.mark.parametrize("caption", ["", "A room", "word " * 121])
def test_too_short_and_too_long_are_refused(caption: str):
    assert "words" in str(objection(caption))


def test_what_models_put_around_a_caption_is_taken_off():
    assert tidy('"A red\n  room."') == "A red room."
    assert tidy("Description: A red room.") == "A red room."


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "ws")
    for seed in range(2):
        commit_clip(made, f"tour-{seed}", *smooth_ue(FRAMES, seed))
    return made


def clips_of(workspace: Workspace) -> list:
    from dataset.clip import committed_clips

    return committed_clips(workspace)


def run(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "labeling.captions", workspace.location, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_segments_cover_the_clip():
    assert segment_borders(200) == [(0, 80), (80, 80), (160, 40)]
    assert segment_borders(80) == [(0, 80)]


class Server:
    """A server that speaks chat completions, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[str | int] = []
        self.questions: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.questions.append(
                    json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                )
                answer = outer.answers.pop(0) if outer.answers else STATIC[0]
                body = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
                self.send_response(answer if isinstance(answer, int) else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def test_refused_captions_are_asked_for_again_and_failures_are_kept(
    workspace: Workspace, server: Server
):
    server.answers = [MOVING[0], STATIC[1], 500, MOVING[1], MOVING[2]]
    source = OpenAISource(server.url, "some-model")
    clips = clips_of(workspace)

    def once() -> list:
        return caption_clips(workspace, clips, "default", source, images=2, attempts=3)

    failures = once()
    assert [(tour, segment.first_frame) for tour, segment in failures] == [("tour-0", 80)]
    assert "walk" in str(failures[0][1].failure)
    first = read_captions(workspace, "default", clips[0])
    assert first is not None and first.source == "openai:some-model"
    assert first.at(10) == STATIC[1] and first.at(170) == STATIC[0] and first.at(100) is None
    asked = len(server.questions)
    assert asked == 5 + 1 + 3
    assert once() == []
    assert len(server.questions) == asked + 1, "only the failed segment is asked for again"
    pictures = [
        part for part in server.questions[0]["messages"][0]["content"] if "image_url" in part
    ]
    assert len(pictures) == 2
    assert pictures[0]["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")


def test_as_a_user_runs_it(workspace: Workspace, server: Server):
    done = run(workspace)
    assert done.returncode == 1 and "6 segments have no caption" in done.stderr
    assert "holds no caption" in done.stderr, "the test's clips have no manifest"
    arguments = ("--source", "openai", "--url", server.url, "--model", "m")
    done = run(workspace, *arguments)
    assert done.returncode == 1 and "--replace" in done.stderr.splitlines()[-1]
    done = run(workspace, *arguments, "--replace")
    assert done.returncode == 0, done.stderr
    done = run(workspace, *arguments)
    assert done.returncode == 0 and "2 were complete" in done.stderr
    record = workspace.read_json("captions/default/tour-1.json")
    assert [segment["caption"] for segment in record["segments"]] == [STATIC[0]] * 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "openai"], "needs --model"),
        (["--attempts", "0"], "--attempts is 0"),
        (["--set", "a.b"], "no dots"),
        (["--source", "transformers", "--model", "/nowhere"], "cannot be loaded"),
    ],
)
def test_a_mistake_is_one_line(workspace: Workspace, arguments: list[str], says: str):
    done = run(workspace, *arguments)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(errors) == 1 and says in errors[0]
    assert not workspace.exists("captions")


def test_a_server_that_is_not_there_is_a_failure_that_says_so(workspace: Workspace):
    source = OpenAISource("http://127.0.0.1:9/v1", "m")
    failures = caption_clips(workspace, clips_of(workspace)[:1], "s", source, images=1, attempts=1)
    assert len(failures) == 3 and "gave no caption" in str(failures[0][1].failure)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision-language model of random weights in the layout of the Hub: LLaVA's classes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("vlm")
    words = ["<unk>", "<s>", "</s>", "<image>", *(f"w{i}" for i in range(60))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token="</s>", additional_special_tokens=["<image>"],
    )  # fmt: skip
    template = (
        "{% for m in messages %}{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>"
        "{% else %} {{ c['text'] }} {% endif %}{% endfor %}{% endfor %}"
    )
    images = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    LlavaProcessor(
        image_processor=images, tokenizer=fast, patch_size=14, chat_template=template,
        vision_feature_select_strategy="default", num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        image_size=28, patch_size=14,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=512,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=3, image_seq_length=4
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    return folder


def test_a_real_vision_language_model_is_loaded_and_asked(workspace: Workspace, tiny_model: Path):
    source = TransformersSource(str(tiny_model), device="cpu", dtype="float32")
    clip = clips_of(workspace)[0]
    failures = caption_clips(workspace, [clip], "vlm", source, images=2, attempts=2)
    found = read_captions(workspace, "vlm", clip)
    assert found is not None and found.source == f"transformers:{tiny_model}"
    assert len(found.segments) == 3 and len(failures) == len(found.failures)
    said = [segment.caption or segment.failure or "" for segment in found.segments]
    # Random weights say random words of the vocabulary; the two attempts are not the same.
    assert all("w" in text for text in said)

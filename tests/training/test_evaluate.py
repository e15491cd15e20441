"""The whole evaluation, of models whose truth is known: the engine itself behind the protocol."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dataset.errors import OpenRelicError
from dataset.video import probe
from tests.capture.serving import Served
from tests.training.engine_model import UNIT_M, VIEW
from training.evaluate.__main__ import Settings
from training.evaluate.evaluation import evaluate

ROOT = Path(__file__).parents[2]
SCRIPTS = "look: right*16,left*12\nwalk: W*14,S*14\n"
VIDEOS = ("perfect", "hasty", "slider", "still", "engine")
MODELS = "tests.training.engine_model"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("engine"))
    yield f"127.0.0.1:{served.port}"
    served.stop()


@pytest.fixture(scope="module")
def settings(engine, tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("evaluation")
    (folder / "scripts.yaml").write_text(SCRIPTS)
    # The adapter that the documentation shows, as it stands there.
    text = (ROOT / "docs/evaluation.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (folder / "adapter.py").write_text(code)
    return Settings(
        out=str(folder / "out"), scripts=(str(folder / "scripts.yaml"),), limit=1,
        scenes=("tiny",), engine=engine, size=(VIEW.width, VIEW.height), unit_m=UNIT_M,
        system=(f"perfect={MODELS}:perfect", f"hasty={MODELS}:hasty",
                f"slider={folder / 'adapter.py'}:load"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(settings, engine) -> tuple[Path, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGINE", engine)
        patch.setenv("FILMS", f"{settings.out}/truth")
        return Path(settings.out), evaluate(settings)


def means(out: Path) -> dict[tuple[str, str, str], float]:
    rows = pq.read_table(out / "table.parquet").to_pylist()
    return {(row["system"], row["script"], row["metric"]): row["mean"] for row in rows}


def test_a_perfect_model_reaches_the_floor_and_wrong_ones_do_not(done) -> None:
    out, _ = done
    found = means(out)
    # Both draw poses that are rounded to 0.001 cm and degrees, but not the same ones.
    nearly = {"rpe_translation": 0.3, "rpe_rotation_deg": 0.3, "psnr_db": 0.02, "ms_ssim": 0.01}
    for metric, share in nearly.items():
        for script in ("all", "look", "walk"):
            perfect, floor = (found.get((one, script, metric)) for one in ("perfect", "engine"))
            assert perfect == floor or perfect == pytest.approx(floor, rel=share)
    floor, above = found["engine", "look", "rpe_rotation_deg"], 0.3
    assert floor < above < found["hasty", "look", "rpe_rotation_deg"]
    assert found["hasty", "look", "rpe_rotation_deg"] == pytest.approx(0.625, abs=0.25)
    assert found["still", "look", "rpe_rotation_deg"] == pytest.approx(1.25, abs=0.01)
    for system in ("hasty", "slider", "still"):
        assert found[system, "all", "psnr_db"] < found["perfect", "all", "psnr_db"] - 6
        assert found[system, "all", "ms_ssim"] < found["perfect", "all", "ms_ssim"] - 0.05
    # Hasty and perfect walk alike: only what turns tells them apart.
    assert found["hasty", "walk", "psnr_db"] == pytest.approx(found["perfect", "walk", "psnr_db"])
    assert ("perfect", "look", "rpe_translation") not in found
    # The floor is low, and PSNR of what only went through the video file is high.
    assert found["engine", "all", "psnr_db"] > 33 and floor < 0.15


def test_tables_videos_and_tasks_are_whole(done) -> None:
    out, text = done
    scores = pq.read_table(out / "scores.parquet").to_pylist()
    assert len(scores) == 2 * 5 and {row["frames"] for row in scores} == {29}
    page = (out / "index.html").read_text()
    values = means(out)
    for system in VIDEOS:
        assert system in text and f"<td>{system}</td>" in page
        assert f"{values[system, 'all', 'psnr_db']:.2f}" in page
    curves = [json.loads((out / f"scores/{one}/tiny-0--look.json").read_text()) for one in VIDEOS]
    assert {len(curve["score"]["psnr_curve_db"]) for curve in curves} == {7}  # frames 4, 8 … 28
    assert "PSNR over time" in page
    assert "not comparable" in page and "0.8015" in page and "LPIPS: n/a" in page
    assert "VBench: n/a" in page and "VBench: n/a" in text
    for video in re.findall(r'src="([^"#]+)#', page):
        info = probe(out / video)
        assert (info.frames, info.width, info.height) == (29, 4 * 480, 284)
    assert sorted(path.name for path in (out / "tasks").iterdir()) == [
        "tiny-0--look.png", "tiny-0--look.yaml", "tiny-0--walk.png", "tiny-0--walk.yaml",
    ]  # fmt: skip


def test_tasks_can_be_made_alone_and_without_keys_that_others_lack(
    done, settings, tmp_path
) -> None:
    shutil.copytree(done[0] / "truth", tmp_path / "truth")
    alone = replace(settings, system=(), out=str(tmp_path), keys=("4T",), tasks_only=True)
    assert evaluate(alone) == f"1 tasks in {tmp_path}/tasks\n"
    assert len(list((tmp_path / "tasks").glob("*walk.yaml"))) == 1


def test_what_is_there_is_not_made_again(done, settings, monkeypatch) -> None:
    out, text = done
    made = [
        *out.glob("videos/*/*"),
        *out.glob("scores/*/*"),
        *out.glob("truth/*"),
        *out.glob("beside/*"),
    ]
    before = {path: path.stat().st_mtime_ns for path in made}
    monkeypatch.setenv("ENGINE", "nothing there")
    assert evaluate(settings) == text
    assert {path: path.stat().st_mtime_ns for path in made} == before


def test_a_folder_of_their_videos_scores_as_the_model_that_made_them(
    done, settings, tmp_path
) -> None:
    out, folder = tmp_path / "out", tmp_path / "theirs"
    shutil.copytree(done[0], out)
    folder.mkdir()
    for path in (out / "videos/hasty").glob("*.mp4"):
        (folder / path.name).write_bytes(path.read_bytes())
        os.utime(folder / path.name, (0, 0))  # older than what was made with others
    # One more, of a script of its own, in the names of their keys.
    own = out / "videos/perfect/tiny-0--walk.mp4"
    (folder / "stroll.mp4").write_bytes(own.read_bytes())
    (folder / "stroll.yaml").write_text('keys: "forward*14,back*14"\n')
    for name in ("look", "walk"):
        text = (out / f"tasks/tiny-0--{name}.yaml").read_text()
        (folder / f"tiny-0--{name}.yaml").write_text(text)
    change = {"system": (f"theirs={folder}",), "keys": ("theirs=matrix-game-2.0",)}
    evaluate(replace(settings, **change, out=str(out)))
    found, theirs = means(out), json.loads((out / "scores/theirs/tiny-0--look.json").read_text())
    hasty = json.loads((out / "scores/hasty/tiny-0--look.json").read_text())
    assert theirs["score"]["values"] == hasty["score"]["values"]
    assert ("hasty", "all", "psnr_db") not in found
    assert probe(out / "beside/tiny-0--look.mp4").width == 2 * 480  # others are no longer shown
    stroll = json.loads((out / "scores/theirs/stroll.json").read_text())["score"]
    assert stroll["script"] == "walk"  # equal rows are one script, with one floor
    assert stroll["values"]["psnr_db"] is None
    assert stroll["values"]["rpe_translation"] < 0.5


def test_pictures_of_one_s_own_have_path_errors_and_a_floor(done, settings, tmp_path) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    source = next((done[0] / "tasks").glob("*.png"))
    shutil.copy(source, pictures / "mine.png")
    shutil.copytree(done[0] / "truth", out / "truth")
    change = {"out": str(out), "images": str(pictures), "system": settings.system[2:]}
    evaluate(replace(settings, **change, scripts=(*settings.scripts, "look")))
    found = means(out)
    assert ("slider", "look", "psnr_db") not in found
    assert found["engine", "look", "rpe_rotation_deg"] < 0.15
    assert found["still", "look", "rpe_rotation_deg"] == pytest.approx(1.25, abs=0.01)
    assert (out / "tasks/mine--look.png").exists() and (out / "beside/mine--look.mp4").exists()


def test_a_model_that_breaks_leaves_what_was_made(done, settings, tmp_path) -> None:
    (tmp_path / "breaking.py").write_text(
        "from pathlib import Path\nimport numpy as np\n"
        "from dataset.errors import OpenRelicError\n"
        "class Model:\n"
        f"    name, width, height = 'b', {VIEW.width}, {VIEW.height}\n"
        "    unit_deg, rotation_frame = 1.0, 'camera'\n"
        "    started = 0\n"
        "    def start(self, image, **_):\n"
        "        self.started += 1\n"
        "        self.image = image\n"
        "        return self\n"
        "    rows_needed = 8\n"
        "    def step(self, rows):\n"
        f"        if self.started > 1 and Path({str(tmp_path)!r}, 'broken').exists():\n"
        "            raise OpenRelicError('it broke')\n"
        "        return np.stack([self.image] * len(rows))\n"
        "def load(): return Model()\n"
    )
    (tmp_path / "broken").touch()
    out = tmp_path / "out"
    shutil.copytree(done[0] / "truth", out / "truth")
    one = replace(settings, out=str(out), system=(f"b={tmp_path / 'breaking.py'}:load",))
    with pytest.raises(OpenRelicError, match="it broke"):
        evaluate(one)
    assert not list(out.rglob("*.part"))
    (whole,) = out.glob("videos/b/*.mp4")
    before = whole.stat().st_mtime_ns
    (tmp_path / "broken").unlink()
    evaluate(one)
    assert whole.stat().st_mtime_ns == before and len([*out.glob("videos/b/*.mp4")]) == 2
    still, b = (means(out)[name, "all", "psnr_db"] for name in ("still", "b"))
    assert b == pytest.approx(still)


@pytest.mark.slow
def test_a_killed_evaluation_goes_on_where_it_was(done, settings, engine, tmp_path) -> None:
    out = tmp_path / "out"
    arguments = [
        "--out", str(out), "--scripts", *settings.scripts, "--limit", "1", "--scenes",
        "tiny", "--engine", engine, "--size", *map(str, settings.size), "--unit-m", str(UNIT_M),
        "--system", settings.system[0],
    ]  # fmt: skip
    command = [sys.executable, "-m", "training.evaluate", *arguments]
    environment = {**os.environ, "ENGINE": engine, "FILMS": str(out / "truth")}
    running = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    while not list(out.glob("videos/perfect/*.json")):
        assert running.poll() is None
        time.sleep(0.02)
    running.kill()
    running.wait()
    first = {path: path.stat().st_mtime_ns for path in out.glob("videos/perfect/*.json")}
    assert len(first) == 1 and not (out / "index.html").exists()
    again = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert {path: path.stat().st_mtime_ns for path in first} == first
    assert not list(out.rglob("*.part"))
    assert "perfect plays: 100%" in again.stderr and " 29/29 " in again.stderr
    assert means(out)["perfect", "all", "psnr_db"] == pytest.approx(
        means(done[0])["perfect", "all", "psnr_db"], rel=1e-3
    )


def failed(request: Any) -> str:
    """What failed; the browser itself breaks off reading a video of which it has enough."""
    broken_off = request.failure == "net::ERR_ABORTED" and request.url.endswith(".mp4")
    return "" if broken_off else request.url


@pytest.mark.slow
def test_the_page_in_a_browser_plays_its_videos(done) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here: apt-get install chromium")
    api = importlib.import_module("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(failed(request)))
        page.goto(f"file://{done[0] / 'index.html'}")
        for video in page.query_selector_all("video"):
            video.evaluate("v => v.play()")
        page.wait_for_function(
            "[...document.querySelectorAll('video')].every(v => v.currentTime > 0.2)"
        )
        sizes = page.evaluate("[...document.querySelectorAll('video')].map(v => v.videoWidth)")
        browser.close()
    assert sizes == [4 * 480] * 2 and not any(problems)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"system": ("x",)}, "write NAME=SPEC"),
        ({"system": ("engine=a.py:b",)}, "is taken"),
        ({"system": ("x=nowhere",)}, "is no system"),
        ({"system": ("x=nowhere.py:load",)}, "no adapter nowhere.py"),
        ({"system": ("x=json:absent",)}, "no function 'absent'"),
        ({"system": ("x=collections:OrderedDict",)}, "without name, width"),
        ({"system": (f"x={MODELS}:perfect",), "keys": ("y=4T",)}, "names 'y'"),
        ({"system": (f"x={MODELS}:perfect",), "rotation_frame": "level"}, "in the camera frame"),
        ({"system": (f"x={MODELS}:perfect",), "scripts": ("run",)}, "no script 'run'"),
        ({"system": (f"x={MODELS}:perfect",), "estimator": "best"}, "no path estimator"),
        ({"system": ()}, "nothing to score"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(settings, tmp_path, change, words) -> None:
    with pytest.raises(OpenRelicError, match=words):
        evaluate(replace(settings, out=str(tmp_path / "out"), **change))


def test_two_scripts_of_one_name_are_refused(settings, tmp_path) -> None:
    with pytest.raises(OpenRelicError, match="two scripts are called 'look'"):
        evaluate(replace(settings, out=str(tmp_path), scripts=2 * settings.scripts))

"""The report: order, contents, what is missing, nothing from outside."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dataset.errors import MissingInputError
from dataset.report import COMMANDS, join_sections
from dataset.sections import STAGES, write_section
from dataset.workspace import Workspace


def test_every_stage_has_a_command() -> None:
    assert tuple(COMMANDS) == STAGES


def test_sections_stand_in_order_with_contents(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_section(workspace, "dataset", "Dataset & shards", "<p>second</p>")
    write_section(workspace, "capture", "Capture", "<p>first</p>")
    join_sections(workspace)
    page = workspace.read_bytes("report/index.html").decode()
    assert page.index("first") < page.index("second")
    links = re.findall(r'<a href="#(\w+)">(.*?)</a>', page)
    assert links == [("capture", "Capture"), ("dataset", "Dataset &amp; shards")]
    assert all(f'<section id="{stage}">' in page for stage, _ in links)
    for stage in ("plan", "labels", "latents", "training", "play"):
        assert COMMANDS[stage].format(workspace=tmp_path) in page
    assert COMMANDS["capture"].format(workspace=tmp_path) not in page


class Links(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        wanted = ("src", "href", "poster", "data", "srcset")
        self.found += [value or "" for name, value in attrs if name in wanted]


def test_the_page_needs_nothing_from_outside(finished: Workspace) -> None:
    join_sections(finished)
    page = finished.read_bytes("report/index.html").decode()
    links = Links()
    links.feed(page)
    assert links.found and all(link.startswith(("#", "data:")) for link in links.found)
    assert "@import" not in page and not re.search(r"url\((?!#)", page)


def test_no_section_at_all(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="python -m capture.plan"):
        join_sections(Workspace(tmp_path))

"""Sections of a workspace's report: each stage writes its own, `dataset.report` joins them.

A section is an HTML fragment, `report/<stage>.html`, that needs nothing from outside: styles are
the report's, pictures and videos are embedded.
"""

import base64
import html
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from dataset.workspace import REPORT, Workspace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In the order of the report.
Stage = Literal[
    "plan", "capture", "labels", "qa", "dataset", "latents", "training", "play", "evaluation",
    "exam",
]  # fmt: skip
STAGES: tuple[Stage, ...] = (
    "plan", "capture", "labels", "qa", "dataset", "latents", "training", "play", "evaluation",
    "exam",
)  # fmt: skip


def write_section(workspace: Workspace, stage: Stage, title: str, body: str) -> None:
    """Write `report/<stage>.html`: a heading and `body`, an HTML fragment."""
    fragment = f'<section id="{stage}">\n<h2>{html.escape(title)}</h2>\n{body}\n</section>\n'
    workspace.write_bytes(f"{REPORT}/{stage}.html", fragment.encode())


def table_html(header: list[str], rows: list[list[object]]) -> str:
    """An HTML table; cells are escaped, floats keep what the caller formatted."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>\n"
        for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}</table>\n"


def side_by_side(figures: Iterable[str]) -> str:
    """Figures (of the functions below) in columns, as many as the page has room for."""
    return f'<div class="columns">{"".join(figures)}</div>\n'


def figure_html(figure: "Figure", caption: str) -> str:
    """A matplotlib figure as inline SVG with a caption; make it with `matplotlib.figure.Figure`.

    The same figure gives the same bytes: no date, and ids that are hashed from the content.
    """
    import matplotlib as mpl

    sink = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "openrelic", "svg.fonttype": "path"}):
        figure.savefig(sink, format="svg", metadata={"Date": None}, bbox_inches="tight")
    text = sink.getvalue()
    svg = text[text.index("<svg") :]
    return f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>\n"


def video_html(mp4: bytes, caption: str) -> str:
    """An H.264 video embedded in the page, with controls and a caption."""
    source = base64.b64encode(mp4).decode()
    return (
        '<figure><video controls loop muted playsinline preload="auto" '
        f'src="data:video/mp4;base64,{source}"></video>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )


def image_html(jpeg: bytes, caption: str) -> str:
    """A JPEG embedded in the page with a caption."""
    source = base64.b64encode(jpeg).decode()
    return (
        f'<figure><img alt="{html.escape(caption)}" src="data:image/jpeg;base64,{source}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )

"""Joins the sections that the stages wrote into one page that needs nothing from outside.

    python -m dataset.report workspace

writes `report/index.html`: every `report/<stage>.html` that is there, in the order of the stages,
a table of contents, and for each section that is missing the command that writes it.
"""

import html
import logging
import re
from dataclasses import dataclass

from dataset.arguments import WorkspaceArgument
from dataset.errors import MissingInputError, parse_settings, run_command
from dataset.sections import STAGES
from dataset.workspace import REPORT, Workspace

logger = logging.getLogger(__name__)

INDEX = f"{REPORT}/index.html"

COMMANDS: dict[str, str] = {
    "plan": "python -m capture.plan {workspace} --scenes 5 --minutes 4.1",
    "capture": "python -m capture.run {workspace}",
    "labels": "python -m labeling.poses_to_actions {workspace}",
    "qa": "python -m dataset.qa {workspace}",
    "dataset": "python -m dataset.build {workspace}",
    "latents": "python -m dataset.latents {workspace} --config configs/tiny.yaml",
    "training": "python -m training.run configs/tiny.yaml --workspace {workspace}",
    # Training ends by playing held-out samples, and writes both sections.
    "play": "python -m training.run configs/tiny.yaml --workspace {workspace}",
    "evaluation": "python -m training.evaluate --model configs/tiny.yaml --workspace {workspace} "
    "--out evaluation",
    "exam": "python -m training.exam configs/tiny.yaml --workspace {workspace}",
}

STYLE = """
:root { color-scheme: light dark; --text: #1c1e21; --back: #fdfdfc; --line: #d5d7da;
  --soft: #f2f3f4; --link: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e3e4e6; --back: #17191c; --line: #3a3d42; --soft: #212428; --link: #7ab4f0; }
}
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem; color: var(--text);
  background: var(--back); font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.8rem; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 0 0 1rem; }
h3 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
section { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1.75rem; }
a { color: var(--link); }
code { font: .9em ui-monospace, monospace; background: var(--soft); padding: .1em .3em; }
nav ul { padding-left: 1.2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; margin: 1rem 0;
  font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .75rem; text-align: left; }
th { background: var(--soft); font-weight: 600; }
figure { margin: 1.5rem 0; }
figcaption { font-size: .875rem; opacity: .8; margin-top: .35rem; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr));
  gap: 1.25rem; align-items: start; margin: 1rem 0; }
.columns figure { margin: 0; }
.columns svg, .columns img, .columns video { width: 100%; }
/* The box is higher than the picture: controls stand below it, not over the keys at its foot. */
.columns video { aspect-ratio: 16 / 11; object-position: top; background: #000; }
img, video { max-width: 100%; height: auto; display: block; }
/* Plots are drawn on white in both schemes. */
figure > svg { max-width: 100%; height: auto; background: #fff; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<nav aria-label="Sections">
<ul>
{contents}</ul>
</nav>
{missing}</header>
<main>
{sections}</main>
</body>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the report."""

    workspace: WorkspaceArgument
    """The workspace: a folder or a URI."""


def main() -> None:
    """Write the page."""
    workspace = Workspace(parse_settings(Settings, __doc__).workspace)
    join_sections(workspace)
    logger.info("%s/%s", workspace.location, INDEX)


def join_sections(workspace: Workspace) -> None:
    """Write `report/index.html`; without any section `MissingInputError` names a command."""
    sections = {
        stage: workspace.read_bytes(f"{REPORT}/{stage}.html").decode()
        for stage in STAGES
        if workspace.exists(f"{REPORT}/{stage}.html")
    }
    if not sections:
        raise MissingInputError(
            f"every section of {workspace.location}/{REPORT}", command_of("plan", workspace)
        )
    workspace.write_bytes(INDEX, page(workspace, sections).encode())


def command_of(stage: str, workspace: Workspace) -> str:
    """The command that writes a stage's section."""
    return COMMANDS[stage].format(workspace=workspace.location)


def page(workspace: Workspace, sections: dict[str, str]) -> str:
    """The page of some sections, in the order of `STAGES`."""
    present = [stage for stage in STAGES if stage in sections]
    contents = "".join(
        f'<li><a href="#{stage}">{_heading(sections[stage], stage)}</a></li>\n' for stage in present
    )
    name = workspace.location.rstrip("/").rpartition("/")[2] or workspace.location
    return _PAGE.format(
        title=html.escape(f"OpenRELIC report: {name}"),
        style=STYLE,
        contents=contents,
        missing=_missing_html(workspace, [s for s in STAGES if s not in sections]),
        sections="".join(sections[stage] for stage in present),
    )


def _heading(section: str, stage: str) -> str:
    """The section's own heading, which is escaped already."""
    found = re.search(r"<h2>(.*?)</h2>", section, re.DOTALL)
    return found.group(1) if found else stage


def _missing_html(workspace: Workspace, stages: list[str]) -> str:
    if not stages:
        return ""
    items = "".join(
        f"<li>{stage}: <code>{html.escape(command_of(stage, workspace))}</code></li>\n"
        for stage in stages
    )
    return f"<p>Not there yet, and the command that writes each:</p>\n<ul>\n{items}</ul>\n"


if __name__ == "__main__":
    run_command(main)

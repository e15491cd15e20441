"""What a caption may say: static content only, never camera or motion (as in RELIC's data).

A model that is told of motion by its text would follow the text rather than the actions.
"""

import re

MIN_WORDS, MAX_WORDS = 3, 120

# Words that speak of the camera, of the picture as a recording, or of anything that moves. Nouns of
# places that share a stem ("a moving van", "a walkway", "a pan on the stove") are not among them.
_CAMERA = (
    r"cameras?", r"cinemat\w+", r"footage", r"videos?", r"clips?", r"frames? by frame",
    r"zoom(?:s|ed|ing)?", r"panning", r"pans (?:left|right|up|down|across|over|around|to)",
    r"tilt(?:s|ing) (?:up|down)", r"doll(?:y|ies|ying)(?: in| out| shot| zoom)", r"tracking shots?",
    r"(?:wide|close-?up|aerial|drone|establishing|long|medium) shots?", r"shot (?:of|from|shows)",
    r"(?:first|third)-person", r"point of view", r"pov", r"viewpoint", r"viewers?",
    r"we (?:see|move|walk|look|turn|approach|enter|pass|fly)", r"fly-?through", r"walk-?through",
    r"the (?:view|scene|perspective|image) (?:shifts|changes|turns|pans|transitions)",
)  # fmt: skip
_MOTION = (
    r"mov(?:es?|ed)", r"moving(?! van| walkway| box)", r"motion", r"walk(?:s|ing|ed)(?! distance)",
    r"runs?", r"running(?! water| track| board)", r"fl(?:ies|ying)(?! buttress)", r"driv(?:es|ing)",
    r"rotat(?:es?|ing|ion)", r"spin(?:s|ning)?", r"glid(?:es?|ing)", r"drift(?:s|ing)?",
    r"sway(?:s|ed|ing)?", r"approach(?:es|ing)", r"advanc(?:es|ing)",
    r"turn(?:s|ing) (?:left|right|around)",
    r"slowly", r"quickly", r"gradually", r"forwards?", r"backwards?", r"sudden(?:ly)?",
)  # fmt: skip
_FORBIDDEN = re.compile(rf"\b(?:{'|'.join(_CAMERA + _MOTION)})\b", re.IGNORECASE)


def tidy(text: str) -> str:
    """One line, without the quotes and the lead-in that models put around a caption."""
    line = " ".join(text.split()).strip().strip("\"'“”").strip()
    return re.sub(r"^(?:caption|description|answer)\s*:\s*", "", line, flags=re.IGNORECASE)


def objection(caption: str) -> str | None:
    """Why a caption is not taken, or None for one that is."""
    words = len(caption.split())
    if not MIN_WORDS <= words <= MAX_WORDS:
        return f"it has {words} words; {MIN_WORDS} to {MAX_WORDS} are allowed"
    found = _FORBIDDEN.search(caption)
    if found:
        return f"it speaks of camera or motion: {found[0]!r}"
    return None

"""Kinds of triangles: what decides which program draws them, and how."""

from dataclasses import dataclass
from enum import IntEnum


class Sunlight(IntEnum):
    """How the sun falls onto a triangle."""

    NONE = 0  # all in shadow
    FULL = 1  # all in the light, where it faces the sun
    PARTLY = 2  # look it up


@dataclass(frozen=True)
class Kind:
    """What a cluster's triangles have in common: they are drawn by the same program."""

    cutout: bool = False
    glossy: bool = False
    sunlight: Sunlight = Sunlight.NONE

    @property
    def number(self) -> int:
        """As in `Clusters.kind`, to which `ONE_SIDED` may be added."""
        return 8 * self.cutout + 4 * self.glossy + int(self.sunlight)

    @classmethod
    def of(cls, number: int) -> "Kind":
        """The kind with that number, one-sided or not."""
        return cls(bool(number & 8), bool(number & 4), Sunlight(number & 3))


CUTOUT = Kind(cutout=True).number
ONE_SIDED = 16  # their backs are not drawn

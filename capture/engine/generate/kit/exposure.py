"""Metering: the exposure at which a scene's views from its spawns are neither dark nor pale."""

import numpy as np

from capture.engine.generate.kit.bake import sky_radiance, triangle_albedo
from capture.engine.generate.kit.mesh import Mesh
from capture.engine.generate.kit.rays import RayTracer
from capture.engine.scene import Sky, Sun

_RAYS = 500  # a spawn
_MIDDLE = 0.2  # what the views' geometric mean becomes
_BRIGHT = 2.6  # what their 95th percentile may become at most
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def metered_ev(
    mesh: Mesh,
    textures: np.ndarray,
    irradiance: np.ndarray,
    sun: Sun | None,
    sky: Sky,
    spawns: np.ndarray,
    brightness: float,
) -> float:
    """Exposure in EV, from what rays from the spawns (N,4) meet, rounded to 0.05."""
    tracer = RayTracer(mesh.position_cm[mesh.triangles[mesh.drawn]])
    rng = np.random.default_rng(11)
    directions = rng.normal(size=(len(spawns) * _RAYS, 3)) * [1, 1, 0.4]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = np.repeat(spawns[:, :3], _RAYS, 0)
    hits = tracer.first_hit(origins, directions)
    faces = np.flatnonzero(mesh.drawn)[hits]
    light = irradiance[mesh.triangles[faces]].mean(1)
    if sun is not None:
        light = light + _sunlight(mesh, tracer, sun, origins, directions, faces)
    albedo = triangle_albedo(mesh, textures, faces)
    seen = albedo * (light + mesh.emission[mesh.triangles[faces, 0], None])
    seen = np.where(hits[:, None] < 0, sky_radiance(sky, directions[:, 2]), seen)
    luminance = np.maximum(seen @ _LUMINANCE, 1e-4)
    middle = np.exp(np.log(luminance).mean())
    gain = min(_MIDDLE / middle, _BRIGHT / np.percentile(luminance, 95)) * brightness
    return float(np.round(np.log2(gain) * 20) / 20)


def _sunlight(
    mesh: Mesh,
    tracer: RayTracer,
    sun: Sun,
    origins: np.ndarray,
    directions: np.ndarray,
    faces: np.ndarray,
) -> np.ndarray:
    """Direct sunlight (N,3) where the rays end."""
    towards = np.asarray(sun.direction)
    distance = tracer.distance(origins, directions)
    ends = origins + directions * np.minimum(distance - 0.5, 1e6)[:, None]
    cosine = np.abs(mesh.normal[mesh.triangles[faces, 0]] @ towards)
    far = np.full(len(ends), 1e6)
    blocked = tracer.blocked(ends, np.broadcast_to(towards, ends.shape), far)
    return (cosine * ~blocked)[:, None] * np.asarray(sun.colour)

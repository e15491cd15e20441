"""Closed solids among triangles, against trimesh's own tests of closed surfaces."""

import numpy as np
import trimesh

from capture.engine.solids import bound_solids


def joined(*meshes: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray, list[int]]:
    counts = [len(mesh.faces) for mesh in meshes]
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
    return np.concatenate([m.vertices for m in meshes]), np.concatenate(faces), counts


def unwelded(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Each triangle with corners of its own, as generated scenes have them."""
    corners = np.asarray(mesh.triangles).reshape(-1, 3)
    return trimesh.Trimesh(corners, np.arange(len(corners)).reshape(-1, 3), process=False)


def test_closed_surfaces_are_told_from_open_and_inverted_ones():
    random = np.random.default_rng(0)
    shapes = [
        trimesh.creation.box((50, 20, 30)),
        trimesh.creation.icosphere(radius=40.0),
        trimesh.creation.torus(60, 15),
        trimesh.creation.capsule(height=50, radius=10),
    ]
    meshes, wanted = [], []
    for number, shape in enumerate(shapes):
        shape.apply_translation([300.0 * number, 1000.0, -500.0])
        for solid, change in ((True, None), (False, "invert"), (False, "open")):
            mesh = unwelded(shape)
            mesh.apply_translation([0, 400.0 * len(meshes), 0])
            if change == "invert":
                mesh.invert()
            if change == "open":
                mesh.update_faces(np.arange(len(mesh.faces)) != random.integers(len(mesh.faces)))
            welded = mesh.copy()
            welded.merge_vertices()
            assert bool(welded.is_watertight and welded.volume > 0) is solid
            meshes.append(mesh)
            wanted.append(solid)
    position, faces, counts = joined(*meshes)
    order = random.permutation(len(faces))
    found = np.empty(len(faces), bool)
    found[order] = bound_solids(position.astype(np.float32), faces[order])
    assert np.array_equal(found, np.repeat(wanted, counts))


def test_one_turned_triangle_opens_a_solid():
    box = trimesh.creation.box((50, 20, 30))
    faces = np.array(box.faces)
    faces[3] = faces[3][::-1]
    assert not bound_solids(np.asarray(box.vertices, np.float32), faces).any()
    assert len(bound_solids(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))) == 0


def test_a_box_that_cameras_start_in_is_a_room():
    box, crate = trimesh.creation.box((500, 400, 300)), trimesh.creation.box((50, 50, 50))
    crate.apply_translation([100, 100, -100])
    position, faces, counts = joined(box, crate)
    start = np.array([[-100.0, 0.0, 0.0]])
    found = bound_solids(position.astype(np.float32), faces, start)
    assert np.array_equal(found, np.repeat([False, True], counts))
    assert bound_solids(position.astype(np.float32), faces, start + 1000.0).all()

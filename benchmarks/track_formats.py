"""Ways to keep depth, normals and masks without loss: bytes a frame, and time to write and read.

    python -m benchmarks.track_formats

Frames of generated scenes at 1280x720, one thread, CPU time. A minute.
"""

import io
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.results import write_results
from capture.engine.renderer import Renderer
from capture.engine.scenes import load_scene
from dataset.tracks import delta, undo_delta

SCENES = ("home:0", "street:1")
VIEWS, SIZE = 4, (1280, 720)
PASSES = ["depth_f32", "normal_u8", "mask_u8"]

Codec = tuple[Callable[[np.ndarray], bytes], Callable[[bytes, np.ndarray], np.ndarray]]


def _npy(image: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, image)
    return sink.getvalue()


def _zstd(level: int) -> Codec:
    codec = pa.Codec("zstd", level)

    def read(data: bytes, like: np.ndarray) -> np.ndarray:
        size = like.nbytes + 128
        return np.load(io.BytesIO(codec.decompress(data, size, asbytes=True)))

    return lambda image: codec.compress(_npy(image), asbytes=True), read


def _delta() -> Codec:
    """What `dataset.tracks` does with depth."""
    write, read = _zstd(1)
    return lambda image: write(delta(image)), lambda data, like: undo_delta(read(data, like))


def _deflate() -> Codec:
    def write(image: np.ndarray) -> bytes:
        sink = io.BytesIO()
        np.savez_compressed(sink, image)
        return sink.getvalue()

    return write, lambda data, _: np.load(io.BytesIO(data))["arr_0"]


def _columns() -> Codec:
    """A parquet column of pixels: Parquet's own byte shuffle for floats, a dictionary else."""

    def write(image: np.ndarray) -> bytes:
        floats = image.dtype.kind == "f"
        sink = pa.BufferOutputStream()
        pixels = image.reshape(-1, 1) if floats else image.reshape(-1, 3)
        table = pa.table({str(n): pixels[:, n] for n in range(pixels.shape[1])})
        pq.write_table(
            table, sink, compression="zstd", compression_level=1,
            use_dictionary=not floats, use_byte_stream_split=floats,
        )  # fmt: skip
        return sink.getvalue().to_pybytes()

    def read(data: bytes, like: np.ndarray) -> np.ndarray:
        table = pq.read_table(pa.BufferReader(data))
        return np.stack([column.to_numpy() for column in table.columns], -1).reshape(like.shape)

    return write, read


def _png() -> Codec:
    def read(data: bytes, _: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED))

    level = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    return lambda image: cv2.imencode(".png", image, level)[1].tobytes(), read


def _ffv1() -> Codec:
    """An intra-only video in Matroska."""
    import av

    def write(image: np.ndarray) -> bytes:
        sink = io.BytesIO()
        with av.open(sink, "w", format="matroska") as container:
            stream = container.add_stream("ffv1", rate=16, options={"level": "3"})
            stream.height, stream.width = image.shape[:2]
            stream.pix_fmt, stream.codec_context.thread_count = "bgr0", 1
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="bgr0")))
            container.mux(stream.encode())
        return sink.getvalue()

    def read(data: bytes, _: np.ndarray) -> np.ndarray:
        with av.open(io.BytesIO(data), "r") as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb24")

    return write, read


CODECS: dict[str, Codec] = {
    "delta, npy, Zstandard 1": _delta(),
    "npy, Zstandard 1": _zstd(1), "npy, Zstandard 6": _zstd(6), "npz (deflate)": _deflate(),
    "parquet columns": _columns(), "PNG level 1": _png(), "FFV1": _ffv1(),
}  # fmt: skip
FLOATS_ONLY, COLOURS_ONLY = ("delta, npy, Zstandard 1",), ("PNG level 1", "FFV1")


def frames() -> dict[str, list[np.ndarray]]:
    """Images by pass."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in PASSES}
    for scene in SCENES:
        renderer = Renderer(load_scene(scene))
        x, y, z, yaw = load_scene(scene).spawns[0]
        for turn in range(VIEWS):
            drawn = renderer.render((x, y, z), (-5, yaw + 90 * turn, 3), 90.0, SIZE, PASSES)
            for name in PASSES:
                found[name].append(np.ascontiguousarray(drawn[name]))
        renderer.release()
    return found


def measure(codec: Codec, images: list[np.ndarray]) -> dict[str, float]:
    """Mean kilobytes and CPU milliseconds; a codec that loses a bit raises."""
    write, read = codec
    sizes: list[int] = []
    spent = np.zeros(2)
    for image in images:
        clock = [time.process_time()]
        data = write(image)
        clock.append(time.process_time())
        back = read(data, image)
        clock.append(time.process_time())
        if back.dtype != image.dtype or back.tobytes() != image.tobytes():
            raise RuntimeError("a codec is not lossless")
        sizes.append(len(data))
        spent += np.diff(clock)
    write_ms, read_ms = 1e3 * spent / len(images)
    return {"kb": sum(sizes) / len(sizes) / 1e3, "write_ms": write_ms, "read_ms": read_ms}


def main() -> None:
    """Measure, print the table, write the results."""
    rows: list[dict[str, Any]] = []
    images = frames()
    # As plain UnrealCV answers it: depth that went through half precision.
    half = [np.minimum(d, 65504).astype(np.float16).astype(np.float32) for d in images["depth_f32"]]
    for track, shown in (*images.items(), ("depth_f32, of half precision", half)):
        for name, codec in CODECS.items():
            if name in (COLOURS_ONLY if shown[0].ndim == 2 else FLOATS_ONLY):
                continue
            row = {"track": track, "format": name, **measure(codec, shown)}
            rows.append(row)
            print(
                f"{track:30} {name:24} {row['kb']:8.0f} kB {row['write_ms']:7.1f} ms to write "
                f"{row['read_ms']:7.1f} ms to read"
            )
    write_results("track_formats", {"rows": rows}, ["av", "numpy", "opencv-python", "pyarrow"])


if __name__ == "__main__":
    main()

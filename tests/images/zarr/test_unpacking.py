"""Chunks that are small on disk and enormous in memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zlib

import imagecodecs
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.zarr.unpacking import unpack

BOMB = 3 * 2**27
"""Bytes, which the two bombs pack into a MiB or two."""
READ = """
import resource, sys
import numpy as np, zarr
from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    np.asarray(read_image(sys.argv[1], axes="YX").data)
    print("read")
except ImageError as error:
    print(error)
sys.exit((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 > 200)
"""


def bomb(header):
    """Zeros behind the header of zlib or gzip; without a checksum, which nobody gets as far as."""
    stream, zeros = zlib.compressobj(1, wbits=-15), bytes(2**20)
    packed = stream.compress(zeros) + stream.flush(zlib.Z_FULL_FLUSH)
    return header + BOMB // len(zeros) * packed + stream.flush()


def read_in_little_memory(path):
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_zarr_chunk_that_unpacks_to_far_more_is_refused(tmp_path):
    folder = tmp_path / "a.zarr"
    array = zarr.create_array(
        folder, shape=(64, 64), chunks=(64, 64), dtype="uint16", compressors=GzipCodec()
    )
    array[:] = 1
    (folder / "c" / "0" / "0").write_bytes(bomb(b"\x1f\x8b\x08" + bytes(6) + b"\xff"))
    assert "unpacks to more than" in read_in_little_memory(folder)


def test_a_tiff_strip_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((64, 64), np.uint16), compression="zlib", rowsperstrip=64)
    packed = bomb(b"\x78\x01")
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        file.filehandle.seek(0, 2)
        at = file.filehandle.tell()
        file.filehandle.write(packed)
        tags["StripOffsets"].overwrite(at)
        tags["StripByteCounts"].overwrite(len(packed))
    assert "a.tif" in read_in_little_memory(path)


CODECS_3 = [
    GzipCodec(),
    ZstdCodec(),
    BloscCodec(cname="zstd"),
    *(zarr.codecs.numcodecs.__dict__[name] for name in ("BZ2", "LZ4", "LZMA", "Zlib")),
]
CODECS_2 = [
    numcodecs.Zlib(), numcodecs.GZip(), numcodecs.BZ2(), numcodecs.LZMA(), numcodecs.LZ4(),
    numcodecs.Zstd(), numcodecs.Blosc(),
]  # fmt: skip


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("codec", CODECS_3)
@pytest.mark.filterwarnings("ignore:Numcodecs codecs")
def test_what_every_codec_of_format_3_unpacks_is_bounded(tmp_path, rng, codec, sharded):
    codec = codec() if isinstance(codec, type) else codec
    check(tmp_path, rng, 3, compressors=codec, shards=(64, 64) if sharded else None)


@pytest.mark.parametrize("codec", CODECS_2)
def test_what_every_codec_of_format_2_unpacks_is_bounded(tmp_path, rng, codec):
    check(tmp_path, rng, 2, compressors=codec)


def check(tmp_path, rng, zarr_format, **how):
    """Write an image, then give it chunks of one larger than `_SMALLEST`."""
    pixels = rng.poisson(50, (64, 64)).astype(np.uint16)
    folders = {}
    for size, dtype in ((32, "uint16"), (768, "uint16")):
        folders[size] = tmp_path / f"{size}.zarr"
        array = zarr.create_array(
            folders[size],
            shape=(2 * size, 2 * size),
            chunks=(size, size),
            dtype=dtype,
            zarr_format=zarr_format,
            **how | {"shards": (2 * size, 2 * size) if how.get("shards") else None},
        )
        array[:] = pixels if size == 32 else 1
    np.testing.assert_array_equal(read_image(folders[32], axes="YX").data, pixels)
    assert (read_image(folders[768], axes="YX").data == 1).all()
    metadata = ("zarr.json", ".zarray")
    for path in folders[768].rglob("*"):
        if path.is_file() and path.name not in metadata:
            shutil.copyfile(path, folders[32] / path.relative_to(folders[768]))
    with pytest.raises(ImageError, match="unpacks to more than"):
        np.asarray(read_image(folders[32], axes="YX").data)


@pytest.mark.parametrize("n_bytes", [0, 1, 200, 300, 70_000, 1_200_000])
@pytest.mark.parametrize("name", ["Zlib", "GZip", "BZ2", "LZMA", "LZ4", "Zstd", "Blosc"])
def test_what_is_no_larger_is_let_through(rng, name, n_bytes):
    codec = getattr(numcodecs, name)()
    for data in (bytes(n_bytes), rng.bytes(n_bytes)):
        packed = memoryview(codec.encode(data)).cast("B")
        found = unpack(codec.codec_id, packed, n_bytes, codec.get_config())
        assert found is None or found == data
        if n_bytes > 1:
            with pytest.raises(ValueError, match="unpacks to more"):
                unpack(codec.codec_id, packed, n_bytes // 2, codec.get_config())


@pytest.mark.parametrize("window_log", [10, 14, 19])
def test_zstd_that_does_not_say_its_size_is_bounded_by_its_blocks(window_log):
    # A frame of blocks of one repeated byte, which 3 bytes of header and 1 of data stand for.
    def frame(n_blocks):
        length = min(2**17, 2**window_log)
        header = [(length << 3 | 1 << 1 | (n == n_blocks - 1)) for n in range(n_blocks)]
        blocks = b"".join(h.to_bytes(3, "little") + b"x" for h in header)
        return b"\x28\xb5\x2f\xfd\x00" + bytes([(window_log - 10) << 3]) + blocks, length

    packed, length = frame(6)
    assert bytes(numcodecs.Zstd().decode(packed)) == b"x" * 6 * length
    assert unpack("zstd", memoryview(packed), 6 * length, {}) is None
    with pytest.raises(ValueError, match="unpacks to more"):
        unpack("zstd", memoryview(packed), 6 * length - 1, {})


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_shard_that_is_compressed_as_a_whole_is_read(tmp_path, rng):
    pixels = rng.poisson(50, (768, 768)).astype(np.uint16)
    inner = zarr.codecs.ShardingCodec(chunk_shape=(16, 16), codecs=[zarr.codecs.BytesCodec()])
    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=pixels.shape,
        chunks=pixels.shape,
        dtype="uint16",
        serializer=inner,
        compressors=GzipCodec(),
    )
    array[:] = pixels
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr", axes="YX").data, pixels)


def test_a_picture_in_a_chunk_is_bounded_by_its_own_size():
    packed = memoryview(imagecodecs.png_encode(np.zeros((2000, 2000), np.uint8)))
    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        unpack("imagecodecs_png", packed, 1_000_000, {})
    assert unpack("imagecodecs_png", packed, 4_000_000, {}) is None

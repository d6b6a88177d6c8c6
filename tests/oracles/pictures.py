"""Picture files in all formats, whole and hostile, and what fm-fetch must make of them; by Pillow and numpy.

    pictures.py tree FOLDER         classes in folders, every format, 9x7 pictures; FOLDER.npz: images (lossless ones exact)
    pictures.py turned FOLDER       one picture, stored in the eight ways that EXIF knows, as JPEG, PNG, TIFF and WebP
    pictures.py hostile FOLDER      hundreds of broken, truncated and lying files, and three good ones
    pictures.py many FOLDER N       N small PNG files in ten classes
    pictures.py same FILE.fms NPZ TOLERANCE
"""

import io
import os
import random
import struct
import sys
import zlib

import numpy as np
from PIL import Image

import formats


def smooth(h, w, c, seed=0):
    y, x = np.mgrid[:h, :w]
    planes = [(y * 13 + x * 7 * (k + 1) + seed * 31) % 200 + 20 for k in range(c)]
    return np.stack(planes, -1).astype(np.uint8)


def tree(folder):
    pictures = {}

    def put(name, array, **options):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
        palette = options.pop("palette", None)
        if palette:
            image = image.quantize(16, dither=0)
            array = np.asarray(image.convert("RGB"))
        image.save(path, **options)
        pictures[name] = array

    put("b/png.png", smooth(9, 7, 3))
    put("b/palette.png", smooth(9, 7, 3, 1), palette=True)
    put("b/frame.gif", smooth(9, 7, 3, 2), palette=True)
    put("b/a/deep.bmp", smooth(9, 7, 3, 3))
    put("a/plain.tif", smooth(9, 7, 3, 4))
    put("a/packed.tiff", smooth(9, 7, 3, 5), compression="tiff_lzw")
    put("a/x.ppm", smooth(9, 7, 3, 6))
    put("a/lossless.webp", smooth(9, 7, 3, 7), lossless=True)
    put("a/fine.jpg", smooth(9, 7, 3, 8), quality=100, subsampling=0)
    put("a/Progressive.JPEG", smooth(9, 7, 3, 9), quality=100, subsampling=0, progressive=True)
    put("ä ö/x\ny.png", smooth(9, 7, 3, 10))
    paths = sorted(pictures, key=os.fsencode)
    np.savez(folder + ".npz", images=np.stack([pictures[path] for path in paths]),
             labels=np.array([["a", "b", "ä ö"].index(path.split("/")[0]) for path in paths]))


def turned(folder):
    os.makedirs(folder, exist_ok=True)
    upright = Image.fromarray(smooth(24, 16, 3).repeat(8, 0).repeat(8, 1))
    to_stored = [None, Image.FLIP_LEFT_RIGHT, Image.ROTATE_180, Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE, Image.ROTATE_90,
                 Image.TRANSVERSE, Image.ROTATE_270]
    for orientation, turn in enumerate(to_stored, 1):
        stored = upright if turn is None else upright.transpose(turn)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(f"{folder}/{orientation}.jpg", exif=exif, quality=100, subsampling=0)
        stored.save(f"{folder}/{orientation}.png", exif=exif)
        stored.save(f"{folder}/{orientation}.webp", exif=exif, lossless=True)
        stored.save(f"{folder}/{orientation}.tif", tiffinfo={0x0112: orientation})
    np.savez(folder + ".npz", images=np.stack([np.asarray(upright)] * 32), labels=np.full(32, -1))


def encoded(array, kind, **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def hostile(folder):
    os.makedirs(folder, exist_ok=True)
    random.seed(7)
    array = smooth(24, 20, 3)
    good = {"png": encoded(array, "PNG"), "jpg": encoded(array, "JPEG"), "webp": encoded(array, "WEBP"),
            "gif": encoded(array, "GIF"), "tif": encoded(array, "TIFF", compression="tiff_lzw"), "bmp": encoded(array, "BMP"),
            "ppm": encoded(array, "PPM")}

    def put(name, data):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)

    for kind, data in good.items():
        for i in range(30):
            put(f"cut-{i:02}.{kind}", data[:len(data) * i // 40])
        for i in range(30):  # some of these are still pictures
            noisy = bytearray(data)
            for _ in range(1 + i):
                noisy[random.randrange(len(data))] = random.randrange(256)
            put(f"noise-{i:02}.{kind}", bytes(noisy))
        put(f"garbage.{kind}", data[:16] + random.randbytes(2000))
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    put("vast.png", b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(10 ** 6))))
    put("vast.ppm", b"P6 65000 65000 255\n" + bytes(1000))
    put("vast.bmp", good["bmp"][:18] + struct.pack("<II", 2 ** 31 - 1, 2 ** 31 - 1) + good["bmp"][26:])
    put("empty.png", b"")
    put("text.png", b"no picture at all\n")
    put("good-1.png", good["png"])
    put("good-2.jpg", good["jpg"])
    put("good-3.webp", good["webp"])


def many(folder, n):
    for i in range(int(n)):
        if i < 10:
            os.makedirs(f"{folder}/{i}", exist_ok=True)
        array = np.full((28, 28), i % 251, np.uint8)
        array.ravel()[i % 784] = 255
        with open(f"{folder}/{i % 10}/{i:06}.png", "wb") as file:
            file.write(encoded(array, "PNG"))


def same(path, arrays, tolerance):
    records, _ = formats.load(path)
    arrays = np.load(arrays)
    image, label = formats.column(records, "image"), formats.column(records, "label")
    assert image.shape == arrays["images"].shape, (image.shape, arrays["images"].shape)
    assert (label == arrays["labels"]).all(), (label, arrays["labels"])
    off = np.abs(image.astype(int) - arrays["images"]).reshape(len(image), -1).max(1)
    assert (off <= int(tolerance)).all() and (off > 0).sum() <= len(off) // 3, off


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

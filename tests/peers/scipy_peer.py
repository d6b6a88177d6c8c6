"""SciPy warps as Keras's ImageDataGenerator has it do: a random transform a picture, each channel by itself, in floats."""
import os

import numpy as np
from scipy import ndimage

def transform(rng, h, w):
    """Rotation, shift, shear and zoom of the preset seed, about the picture's centre: [3, 3], rows first."""
    angle, shear = np.deg2rad(rng.uniform(-10, 10)), np.deg2rad(rng.uniform(-0.1, 0.1))
    rotate = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    shift = np.array([[1, 0, h * rng.uniform(-0.1, 0.1)], [0, 1, w * rng.uniform(-0.1, 0.1)], [0, 0, 1]])
    slant = np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    zoom = np.diag([*rng.uniform(0.9, 1.1, 2), 1])
    there = np.array([[1, 0, h / 2 - 0.5], [0, 1, w / 2 - 0.5], [0, 0, 1]])
    return there @ rotate @ shift @ slant @ zoom @ np.linalg.inv(there)


def start(folder, setting):
    images = np.load(os.path.join(folder, "images.npy"))[:4096].astype(np.float32)
    rng = np.random.default_rng(1)

    def run(batch):
        for image in images[:batch]:
            matrix = transform(rng, *image.shape[:2])
            for c in range(image.shape[2]):
                ndimage.affine_transform(image[:, :, c], matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest")
        return batch

    return run

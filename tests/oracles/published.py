"""CIFAR's and SVHN's files in the layout that they are published in, small, of random pictures.

    published.py cifar10 FOLDER     FOLDER/cifar-10-batches-bin, FOLDER/train.npz, FOLDER/test.npz
    published.py cifar100 FOLDER    FOLDER/cifar-100-binary, likewise
    published.py svhn FOLDER        FOLDER/train_32x32.mat and test_32x32.mat, likewise
"""

import os
import sys

import numpy as np

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def pictures(n, classes, seed):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (n, 32, 32, 3), np.uint8), random.integers(0, classes, n)


def records(images, *labels):
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([np.asarray(label, np.uint8)[:, None] for label in labels] + [planes], 1).tobytes()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def keep(folder, split, images, labels):
    np.savez(os.path.join(folder, split + ".npz"), images=images, labels=labels)


def cifar10(folder):
    place = os.path.join(folder, "cifar-10-batches-bin")
    os.makedirs(place)
    images, labels = pictures(100, 10, 1)
    for i in range(5):
        write("%s/data_batch_%d.bin" % (place, i + 1), records(images[20 * i:20 * i + 20], labels[20 * i:20 * i + 20]))
    keep(folder, "train", images, labels)
    images, labels = pictures(30, 10, 2)
    write(place + "/test_batch.bin", records(images, labels))
    keep(folder, "test", images, labels)
    write(place + "/batches.meta.txt", ("\n".join(CLASSES) + "\n\n").encode())
    write(place + "/readme.html", b"<meta HTTP-EQUIV=REFRESH>")


def cifar100(folder):
    place = os.path.join(folder, "cifar-100-binary")
    os.makedirs(place)
    for split, n, seed in ("train", 60, 3), ("test", 40, 4):
        images, labels = pictures(n, 100, seed)
        write("%s/%s.bin" % (place, split), records(images, labels // 5, labels))
        keep(folder, split, images, labels)
    write(place + "/fine_label_names.txt", "".join("fine %d\n" % i for i in range(100)).encode())
    write(place + "/coarse_label_names.txt", "".join("coarse %d\n" % i for i in range(20)).encode())


def svhn(folder):
    import scipy.io
    os.makedirs(folder, exist_ok=True)
    for split, n, seed, kind in ("train", 50, 5, np.uint8), ("test", 3, 6, np.float64):
        images, labels = pictures(n, 10, seed)
        labels[0] = 0
        stored = np.where(labels == 0, 10, labels)[:, None].astype(kind)
        scipy.io.savemat("%s/%s_32x32.mat" % (folder, split), {"X": images.transpose(1, 2, 3, 0), "y": stored}, do_compression=True)
        keep(folder, split, images, labels)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

"""OpenCV warps a picture with one core; its transform is ready, only the warp is measured."""
import os

import cv2
import numpy as np

def start(folder, setting):
    cv2.setNumThreads(1)
    images = np.load(os.path.join(folder, "images.npy"))
    flags = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if setting["inverse"] else 0)
    hint = getattr(cv2, "ALGO_HINT_" + setting["hint"])
    matrix = np.array([[1.02, 0.05, 1.3], [-0.04, 0.98, -0.7]])
    size = images.shape[2], images.shape[1]
    target = np.empty(images.shape[1:3], np.uint8) if setting["reuse"] else None
    flat = [np.ascontiguousarray(image[:, :, 0]) for image in images[:4096]]

    def run(batch):
        for image in flat[:batch]:
            cv2.warpAffine(image, matrix, size, target, flags, cv2.BORDER_REPLICATE, 0, hint)
        return batch

    return run

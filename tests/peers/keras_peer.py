"""Keras on TensorFlow: fit, fit from its ImageDataGenerator with the preset seed, predict."""
import os

import numpy as np

def network(keras):
    layers = keras.layers
    stages = [keras.Input((28, 28, 1))]
    for width, kernel, pool in ((32, 4, True), (64, 3, True), (128, 3, False)):
        stages += [layers.Conv2D(width, kernel, padding="same", kernel_initializer="he_normal"),
                   layers.BatchNormalization(), layers.ReLU()]
        stages += [layers.MaxPooling2D()] if pool else []
    stages += [layers.Flatten(), layers.Dense(128, kernel_initializer="he_normal"), layers.BatchNormalization(),
               layers.ReLU(), layers.Dropout(0.35), layers.Dense(10), layers.Activation("softmax", dtype="float32")]
    return keras.Sequential(stages)


def generator(x, y, batch, feed):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    kind, count = feed.split()
    flow = ImageDataGenerator(
        rotation_range=10, zoom_range=0.1, width_shift_range=0.1, height_shift_range=0.1, shear_range=0.1
    ).flow(x, y, batch_size=batch)
    flow.workers, flow.use_multiprocessing = int(count), kind == "processes"
    return flow


def start(folder, setting):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(setting["threads"])
    tensorflow.config.threading.set_inter_op_parallelism_threads(setting["threads"])
    if setting["precision"] == "bf16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    x = np.load(os.path.join(folder, "images.npy")).astype(np.float32) / 255
    y = keras.utils.to_categorical(np.load(os.path.join(folder, "labels.npy")), 10)
    net = network(keras)
    net.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=setting["jit"])

    def train(batch):
        net.fit(x, y, batch_size=batch, epochs=1, verbose=0)
        return len(x)

    def generate(batch):
        steps = 5120 // batch
        net.fit(generator(x[: steps * batch], y[: steps * batch], batch, setting["feed"]), epochs=1, verbose=0)
        return steps * batch

    def predict(batch):
        net.predict(x, batch_size=batch, verbose=0)
        return len(x)

    return {"train": train, "generate": generate, "predict": predict}[setting["work"]]

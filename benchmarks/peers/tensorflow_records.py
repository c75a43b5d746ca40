"""Peer: packs images with TensorFlow's `TFRecordWriter` in a loop.

    tensorflow_records.py SOURCE TARGET IMAGES_PER_FILE

Prints the seconds without the import of TensorFlow.
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def example(data: bytes) -> tf.train.Example:
    features = {
        "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[data])),
        "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[0])),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def main() -> None:
    source, target, images_per_file = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.perf_counter()
    os.makedirs(target, exist_ok=True)
    paths = [f"{source}/{name}" for name in sorted(os.listdir(source))]
    for first in range(0, len(paths), images_per_file):
        with tf.io.TFRecordWriter(f"{target}/tensorflow_{first // images_per_file}") as writer:
            for path in paths[first : first + images_per_file]:
                writer.write(example(read(path)).SerializeToString())
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Write the pickles, and the data sets in CIFAR's forms, that internal/pickle and internal/imageset are tested with.

    python3 testdata/gen/cifar.py

run from the root of the repository, rewrites

    internal/pickle/testdata/NAME.pickle   a value as Python's pickle and NumPy write it
    internal/pickle/testdata/NAME.json     what it is
    internal/imageset/testdata/cifar/      CIFAR-10 and CIFAR-100 of a few images, in the binary and the Python
                                           form, unpacked and as .tar.gz

Python 2 wrote the original pickles, at protocol 2, with strings of bytes; its way is imitated here. All pictures are
drawn here. It needs Debian's python3-numpy. Made with Python 3.11.2, NumPy 1.24.2.
"""

import gzip
import io
import json
import pickle
import shutil
import struct
import sys
import tarfile
from pathlib import Path

import numpy as np

PICKLES = Path("internal/pickle/testdata")
CIFAR = Path("internal/imageset/testdata/cifar")


class Python2(pickle._Pickler):
    """Writes bytes and str as Python 2 wrote its str at protocol 2."""

    def __init__(self, f):
        super().__init__(f, 2)

    def save_string(self, obj):
        b = obj.encode() if isinstance(obj, str) else obj
        self.write(b"U" + bytes([len(b)]) + b if len(b) < 256 else b"T" + struct.pack("<i", len(b)) + b)
        self.memoize(obj)

    dispatch = dict(pickle._Pickler.dispatch)
    dispatch[bytes] = save_string
    dispatch[str] = save_string


def python2(value):
    f = io.BytesIO()
    Python2(f).dump(value)
    return f.getvalue()


def show(v):
    """Describe a value in JSON, types included."""
    if isinstance(v, np.ndarray):
        order = "F" if v.flags.f_contiguous and not v.flags.c_contiguous else "C"
        return {"array": v.dtype.str.lstrip("<>|="), "big": v.dtype.str[0] == ">", "shape": list(v.shape), "order": order,
                "data": v.tobytes("A").hex()}
    if isinstance(v, (bytes, bytearray)):
        return {"bytes": bytes(v).hex()}
    if isinstance(v, tuple):
        return {"tuple": [show(x) for x in v]}
    if isinstance(v, list):
        return [show(x) for x in v]
    if isinstance(v, dict):
        return {"dict": [[show(k), show(x)] for k, x in v.items()]}
    return {"float": v.hex()} if isinstance(v, float) else v


def pickles():
    shared = [1, 2]
    value = {
        "ints": [0, -1, 255, 256, 65535, 65536, 2**31, -2**31, -2**40, 2**63 - 1], "floats": [1.5, -0.1, 1e300],
        "text": "naïve ☃ \\u00e9 'quoted'\n\x00", b"bytes": bytes(range(256)), "empty": b"", "none": None, "bools": [True, False],
        "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "shared": [shared, shared], "long": list(range(1200)),
    }
    arrays = {
        "u1": np.arange(12, dtype=np.uint8).reshape(3, 4), "f4": np.float32([1.5, -2]), "big": np.array([1, 2], ">i2"),
        "fortran": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)), "bool": np.array([[True], [False]]),
    }
    PICKLES.mkdir(exist_ok=True)
    for f in PICKLES.glob("*.pickle"):
        f.unlink()
    for name, v in [("plain", value), ("arrays", arrays)]:
        (PICKLES / f"{name}.json").write_text(json.dumps(show(v)) + "\n")
        for protocol in range(6):
            (PICKLES / f"{name}.{protocol}.pickle").write_bytes(pickle.dumps(v, protocol))
    numpy2 = pickle.dumps(arrays, 2).replace(b"cnumpy.core.", b"cnumpy._core.")
    (PICKLES / "arrays.numpy2.pickle").write_bytes(numpy2)
    old = {b"data": arrays["u1"], b"labels": [1, 2, 3], b"text": bytes(range(256)) * 2}
    (PICKLES / "python2.json").write_text(json.dumps(show(old)) + "\n")
    (PICKLES / "python2.2.pickle").write_bytes(python2(old))


def images(n, seed):
    """n images as rows of 3072: red, green and blue plane, few enough different values to compress well."""
    y, x = np.mgrid[0:32, 0:32]
    planes = [[(x // 4 * (i + seed) + y // 8 * (c + 1) * 9) % 256 for c in range(3)] for i in range(n)]
    return np.array(planes, np.uint8).reshape(n, 3072)


def archive(path, folder, order):
    """Pack a folder in an order of its own, as the originals are."""
    with open(path, "wb") as f, gzip.GzipFile("", "wb", mtime=0, fileobj=f) as z, tarfile.open(fileobj=z, mode="w", format=tarfile.USTAR_FORMAT) as t:
        top = tarfile.TarInfo(folder.name)
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        t.addfile(top)
        for name in order:
            info = tarfile.TarInfo(f"{folder.name}/{name}")
            info.size = (folder / name).stat().st_size
            t.addfile(info, (folder / name).open("rb"))


def cifar10():
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    b, p = CIFAR / "cifar-10-batches-bin", CIFAR / "cifar-10-batches-py"
    b.mkdir(parents=True)
    p.mkdir()
    (b / "batches.meta.txt").write_text("\n".join(names) + "\n\n")
    (p / "batches.meta").write_bytes(python2({"num_cases_per_batch": 10000, "label_names": names, "num_vis": 3072}))
    for i, batch in enumerate(["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]):
        n = 1 + i % 3
        data, labels = images(n, 17 * i + 3), [(3 * i + j) % 10 for j in range(n)]
        (b / f"{batch}.bin").write_bytes(b"".join(bytes([l]) + d.tobytes() for l, d in zip(labels, data)))
        (p / batch).write_bytes(python2({
            "batch_label": f"batch {i + 1}", "labels": labels, "data": data, "filenames": [f"image_{j:06}.png" for j in range(n)]}))
    archive(CIFAR / "cifar-10-binary.tar.gz", b, ["data_batch_1.bin", "batches.meta.txt", "data_batch_3.bin", "data_batch_4.bin",
                                                  "test_batch.bin", "data_batch_5.bin", "data_batch_2.bin"])
    archive(CIFAR / "cifar-10-python.tar.gz", p, ["data_batch_4", "test_batch", "data_batch_3", "batches.meta", "data_batch_2",
                                                  "data_batch_5", "data_batch_1"])


def cifar100():
    coarse, fine = [f"group {i}" for i in range(20)], [f"thing {i}" for i in range(100)]
    b, p = CIFAR / "cifar-100-binary", CIFAR / "cifar-100-python"
    b.mkdir()
    p.mkdir()
    (b / "coarse_label_names.txt").write_text("\n".join(coarse) + "\n")
    (b / "fine_label_names.txt").write_text("\n".join(fine) + "\n")
    # Protocol 3 and 5, unlike the originals: keys are bytes in the one, text in the other.
    (p / "meta").write_bytes(pickle.dumps({b"coarse_label_names": [c.encode() for c in coarse], b"fine_label_names": [f.encode() for f in fine]}, 3))
    for i, (part, n) in enumerate([("train", 4), ("test", 2)]):
        data, c, f = images(n, 31 * i + 5), [(7 * j + i) % 20 for j in range(n)], [(33 * j + i) % 100 for j in range(n)]
        (b / f"{part}.bin").write_bytes(b"".join(bytes([x, y]) + d.tobytes() for x, y, d in zip(c, f, data)))
        (p / part).write_bytes(pickle.dumps({"filenames": ["x.png"] * n, "fine_labels": f, "coarse_labels": c, "data": data}, 5))
    archive(CIFAR / "cifar-100-binary.tar.gz", b, ["coarse_label_names.txt", "fine_label_names.txt", "test.bin", "train.bin"])
    archive(CIFAR / "cifar-100-python.tar.gz", p, ["meta", "test", "train"])


def main():
    if not CIFAR.parent.is_dir():
        sys.exit("run from the root of the repository")
    pickles()
    shutil.rmtree(CIFAR, ignore_errors=True)
    cifar10()
    cifar100()


if __name__ == "__main__":
    main()

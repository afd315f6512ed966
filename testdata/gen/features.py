#!/usr/bin/env python3
"""Goldens for internal/npy, internal/safetensors and features, and a check of oodflow's own files from the outside.

    python3 testdata/gen/features.py

writes internal/npy/testdata and features/testdata with NumPy (safetensors by its specification, with json and
struct), internal/safetensors/testdata with NumPy and PyTorch, and proves that features/testdata/set.safetensors, which oodflow wrote (go test ./features -update),
reads as that specification says. Every matrix holds the same 5x3 values, exact in half precision.
"""
import json
import os
import struct
import sys
import zipfile

import numpy as np
import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NPY = os.path.join(ROOT, "internal", "npy", "testdata")
SETS = os.path.join(ROOT, "features", "testdata")
NARROW = os.path.join(ROOT, "internal", "safetensors", "testdata")

N, D, C = 5, 3, 2
X = (np.arange(N * D).reshape(N, D) - 4) / 8.0  # -0.5, -0.375, ... : exact in every type
L = (np.arange(N * C).reshape(N, C) * 3 % 7) / 4.0
Y = np.array([0, 1, 1, -1, 0])
IDS = ["a/1.png", "a/2.png", "b/grün.png", "b/猫.png", "b/😀.png"]


def npy_files():
    for name in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"]:
        file = name.replace("<", "le_").replace(">", "be_")
        np.save(os.path.join(NPY, f"{file}.npy"), X.astype(name))
        np.save(os.path.join(NPY, f"{file}_fortran.npy"), np.asfortranarray(X.astype(name)))
    for name in ["|i1", "<i2", "<i4", "<i8", ">i2", ">i4", ">i8"]:
        file = name.replace("<", "le_").replace(">", "be_").replace("|", "")
        np.save(os.path.join(NPY, f"{file}.npy"), Y.astype(name))
    for name in ["|u1", "<u2", "<u4", "<u8", ">u8"]:
        file = name.replace("<", "le_").replace(">", "be_").replace("|", "")
        np.save(os.path.join(NPY, f"{file}.npy"), np.array([0, 1, 2, 200, 255]).astype(name))
    np.save(os.path.join(NPY, "bool.npy"), Y == 1)
    np.save(os.path.join(NPY, "strings.npy"), np.array(IDS))
    np.save(os.path.join(NPY, "strings_big.npy"), np.array(IDS).astype(">U12"))
    np.save(os.path.join(NPY, "bytes.npy"), np.array(["x", "yz", ""], dtype="S"))
    np.save(os.path.join(NPY, "scalar.npy"), np.float32(1.5))
    np.save(os.path.join(NPY, "cube.npy"), np.arange(24, dtype="<f4").reshape(2, 3, 4))
    np.save(os.path.join(NPY, "cube_fortran.npy"), np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
    np.save(os.path.join(NPY, "object.npy"), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    np.save(os.path.join(NPY, "record.npy"), np.zeros(2, dtype=[("a", "<f4"), ("b", "<i8")]))
    np.save(os.path.join(NPY, "complex.npy"), np.zeros(2, dtype="<c8"))
    for version in [(2, 0), (3, 0)]:
        with open(os.path.join(NPY, f"version{version[0]}.npy"), "wb") as f:
            np.lib.format.write_array(f, X.astype("<f4"), version=version)


def npz_files():
    x, l = X.astype("<f4"), L.astype("<f4")
    np.savez(os.path.join(SETS, "named.npz"), features=x, logits=l, labels=Y, ids=np.array(IDS),
             classes=np.array(["cat", "dog"]), W=np.ones((C, D), "<f4"), b=np.zeros(C, "<f4"))
    np.savez_compressed(os.path.join(SETS, "compressed.npz"), feats=x.astype("<f2"), y=Y.astype("<f8"))
    np.savez(os.path.join(SETS, "positional.npz"), x)
    np.savez(os.path.join(SETS, "lone.npz"), penult=np.asfortranarray(x.astype(">f8")), logits=l, targets=Y.reshape(N, 1))
    np.savez(os.path.join(SETS, "none.npz"), a=np.zeros(10, "<f4"), b=np.zeros((3, 4, 5), "<f4"))
    np.savez(os.path.join(SETS, "two.npz"), train=x, test=x)
    np.savez(os.path.join(SETS, "spatial.npz"), features=np.zeros((2, 3, 4, 4), "<f4"))
    np.savez(os.path.join(SETS, "object.npz"), features=x, ids=np.array(IDS, dtype=object))
    with zipfile.ZipFile(os.path.join(SETS, "torch.pt"), "w") as z:  # as torch.save names its members
        z.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02.")
    np.save(os.path.join(SETS, "plain.npy"), x)
    np.save(os.path.join(SETS, "vector.npy"), x[0])


def write_safetensors(path, tensors, metadata):
    """tensors: {name: (dtype, shape, bytes)}"""
    head, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def safetensors_files():
    bf16 = (X.astype("<f4").view("<u4") >> 16).astype("<u2")  # exact: the values need few bits
    write_safetensors(os.path.join(SETS, "pytorch.safetensors"), {
        "labels": ("I32", (N,), Y.astype("<i4").tobytes()),
        "embeddings": ("F16", (N, D), X.astype("<f2").tobytes()),
        "logits": ("F64", (N, C), L.astype("<f8").tobytes()),
    }, {"format": "pt"})
    write_safetensors(os.path.join(SETS, "bfloat.safetensors"), {"x": ("BF16", (N, D), bf16.tobytes())}, None)


def narrow_file():
    """float32s with their float16 by NumPy and their bfloat16 by PyTorch: around every power of two and every bound, and
    at random."""
    rng = np.random.default_rng(1)
    near = [np.float32(2.0) ** e * (1 + m / 4096) for e in range(-28, 18) for m in (0, 1, 2, 3, 2047, 2048, 4095)]
    bounds = [0x477FE000, 0x477FEFFF, 0x477FF000, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000, 0x33000000, 0x33000001,
              0x387FC000, 0x387FE000, 0x387FFFFF, 0x38800000, 1, 0x7FFF, 0x8000, 0x8001, 0]
    bits = np.concatenate([np.array(near, "<f4").view("<u4"), np.array(bounds, "<u4"), rng.integers(0, 1 << 31, 1500, "<u4")])
    bits = bits[(bits & 0x7FFFFFFF) <= 0x7F800000]  # no NaN: which one comes out is nobody's law
    bits = np.concatenate([bits, bits | 0x80000000]).astype("<u4")
    with np.errstate(over="ignore"):
        half = bits.view("<f4").astype("<f2").view("<u2")
    brain = torch.from_numpy(bits.view("<f4").copy()).to(torch.bfloat16).view(torch.int16).numpy().view("<u2")
    os.makedirs(NARROW, exist_ok=True)
    write_safetensors(os.path.join(NARROW, "narrow.safetensors"), {
        "float32": ("U32", bits.shape, bits.tobytes()),
        "float16": ("U16", half.shape, half.astype("<u2").tobytes()),
        "bfloat16": ("U16", brain.shape, brain.tobytes()),
    }, None)


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    (n,) = struct.unpack("<Q", raw[:8])
    assert (8 + n) % 8 == 0, "the data section is not aligned"
    head, data = json.loads(raw[8 : 8 + n].decode("utf-8")), raw[8 + n :]
    metadata, end, arrays = head.pop("__metadata__"), 0, {}
    types = {"F32": "<f4", "I64": "<i8", "U8": "u1", "F16": "<u2", "BF16": "<u2"}
    for name, t in sorted(head.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = t["data_offsets"]
        assert begin == end, f"hole or overlap before {name}"
        end = stop
        assert begin % np.dtype(types[t["dtype"]]).itemsize == 0, f"{name} is not aligned"
        arrays[name] = np.frombuffer(data[begin:stop], types[t["dtype"]]).reshape(t["shape"])
    assert end == len(data), "bytes after the last tensor"
    return metadata, arrays


def check_own_file():
    metadata, a = read_safetensors(os.path.join(SETS, "set.safetensors"))
    assert metadata["format"] == "oodflow-features" and metadata["format_version"] == "1", metadata
    assert metadata["classifier"] == "net.onnx" and metadata["tensor"] == "/Flatten_output_0", metadata
    assert json.loads(metadata["classes"]) == ["cat", "dog & <more>"], metadata
    assert set(a) == {"features", "logits", "labels", "ids", "ids_offsets", "W", "b"}, sorted(a)
    assert np.array_equal(a["features"], X) and np.array_equal(a["logits"], L) and np.array_equal(a["labels"], Y)
    assert np.array_equal(a["W"], np.arange(C * D).reshape(C, D)) and np.array_equal(a["b"], [0.5, -0.5])
    ids, at = a["ids"].tobytes(), a["ids_offsets"]
    assert [ids[at[i] : at[i + 1]].decode("utf-8") for i in range(N)] == IDS


def check_saved_files():
    """What oodflow wrote in other forms and types reads with np.load, and by the safetensors specification, as what it was.
    The values are exact in every type. The Parquet files' form is checked by vectors.mjs."""
    for name, dtype in [("saved", "<f4"), ("saved_f16", "<f2")]:
        x = np.load(os.path.join(SETS, f"{name}.npy"), allow_pickle=False)
        assert x.dtype == dtype and x.flags.c_contiguous and np.array_equal(x, X), name
        with np.load(os.path.join(SETS, f"{name}.npz"), allow_pickle=False) as a:
            assert set(a) == {"features", "logits", "labels", "ids", "W", "b", "metadata"}, sorted(a)
            assert a["features"].dtype == dtype and a["logits"].dtype == dtype and a["W"].dtype == "<f4", name
            assert np.array_equal(a["features"], X) and np.array_equal(a["logits"], L) and np.array_equal(a["labels"], Y)
            assert a["ids"].tolist() == IDS and np.array_equal(a["W"], np.arange(C * D).reshape(C, D))
            metadata = json.loads(a["metadata"].item())
            assert json.loads(metadata["classes"]) == ["cat", "dog & <more>"] and metadata["classifier"] == "net.onnx", metadata
        with zipfile.ZipFile(os.path.join(SETS, f"{name}.npz")) as z:
            assert z.testzip() is None
    for name, dtype in [("saved_f16", "F16"), ("saved_bf16", "BF16")]:
        metadata, a = read_safetensors(os.path.join(SETS, f"{name}.safetensors"))
        for key, want in [("features", X), ("logits", L)]:
            got = a[key].view("<f2") if dtype == "F16" else (a[key].astype("<u4") << 16).view("<f4")
            assert np.array_equal(got, want), (name, key)
        assert metadata["tensor"] == "/Flatten_output_0" and np.array_equal(a["labels"], Y), metadata


def main():
    os.makedirs(NPY, exist_ok=True)
    os.makedirs(SETS, exist_ok=True)
    npy_files()
    npz_files()
    safetensors_files()
    narrow_file()
    for folder in [NPY, SETS, NARROW]:
        with open(os.path.join(folder, "README.md"), "w") as f:
            f.write("Written by `python3 testdata/gen/features.py` with NumPy " + np.__version__
                    + (", PyTorch " + torch.__version__ if folder == NARROW else "") + ", Python "
                    + ".".join(map(str, sys.version_info[:3])) + ".\n")
            if folder == SETS:
                f.write("`set.safetensors` and `saved*` are written by `go test ./features -update` and read back by the same script, `saved*.parquet` by `testdata/gen/vectors.mjs`.\n")
    if os.path.exists(os.path.join(SETS, "set.safetensors")):
        check_own_file()
        check_saved_files()
        print("features/testdata/set.safetensors and saved* read as specified")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Preprocess image files with PIL and torchvision as configurations say, for TestParityOnPhotographs.

    python3 parity.py OUT.npy CONFIG.json... -- IMAGE...

writes the tensors as one array, [configurations, images, 3, 224, 224]. A configuration has the keys size (shortest_edge),
resample, crop_size, image_mean, image_std and perhaps antialias.
"""

import json
import sys

import numpy as np
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

MODES = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}


def pipeline(path):
    with open(path) as f:
        c = json.load(f)
    edge, mode = c["size"]["shortest_edge"], InterpolationMode(MODES[c["resample"]])
    if c.get("antialias", True):
        steps = [transforms.Resize(edge, mode)]
    else:  # on a tensor of bytes, as a server that decodes to tensors does
        steps = [transforms.PILToTensor(), transforms.Resize(edge, mode, antialias=False), transforms.ToPILImage()]
    return transforms.Compose(steps + [transforms.CenterCrop(c["crop_size"]), transforms.ToTensor(),
                                       transforms.Normalize(c["image_mean"], c["image_std"])])


def main():
    out, *rest = sys.argv[1:]
    at = rest.index("--")
    images = [Image.open(p).convert("RGB") for p in rest[at + 1:]]
    np.save(out, np.stack([[pipeline(c)(im).numpy() for im in images] for c in rest[:at]]))


if __name__ == "__main__":
    main()

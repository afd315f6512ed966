#!/usr/bin/python3
"""Write what PIL and torchvision make of pictures, for the tests of internal/imageset's preprocessing.

    python3 testdata/gen/preprocess.py

run from the root of the repository, rewrites

    internal/imageset/torchvision.txt           torchvision's ImageNet weights and their transforms
    internal/imageset/testdata/preprocess/
        NAME.png                                a picture as a camera might take it, of odd size
        CONFIG.json                             a preprocessing, and
        CONFIG.NAME.png                         the pixels that PIL and torchvision make of a picture by it
        exif_N.jpg, exif_N.png, exif_N.webp     pictures whose EXIF orientation is N, and
        exif_N.EXT.want.png                     those turned upright by ImageOps.exif_transpose

All pictures are drawn here. CONFIG.NAME.png holds 8-bit values, before scale, mean and standard deviation. What timm does
is written out in its terms (timm.data.transforms_factory, transforms_imagenet_eval), from torchvision's parts.

It needs Debian's python3-pil, -numpy and -torchvision. Made with PIL 9.4.0, torchvision 0.14.1.
"""

import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps
from torchvision import models, transforms
from torchvision.transforms import functional as F
from torchvision.transforms import InterpolationMode as Mode

OUT = Path("internal/imageset/testdata/preprocess")
TABLE = Path("internal/imageset/torchvision.txt")

FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def photograph(w, h, seed):
    """Draw soft shapes in front of a textured background: edges, gradients, fine stripes and a little grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:2 * h, 0:2 * w] / 2.0
    im = np.stack([80 + 90 * y / h + 20 * np.sin(x / (7 + c) + y / 19) for c in range(3)], -1)
    for _ in range(14):
        cx, cy, rx, ry = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(4, w / 3), rng.uniform(4, h / 3)
        angle, colour = rng.uniform(0, np.pi), rng.uniform(0, 255, 3)
        u = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / rx
        v = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) / ry
        shade = colour * (1 - 0.5 * np.clip(u + v, 0, 1)[..., None])
        if rng.random() < 0.5:
            shade = shade * (0.75 + 0.25 * np.sign(np.sin(u * rng.uniform(8, 40))))[..., None]
        im = np.where((u * u + v * v < 1)[..., None], shade, im)
    im = Image.fromarray(np.uint8(np.clip(im, 0, 255))).filter(ImageFilter.GaussianBlur(0.7)).resize((w, h), Image.LANCZOS)
    grain = rng.integers(-2, 3, (h, w, 1))
    return Image.fromarray(np.uint8(np.clip(np.asarray(im).astype(int) + grain, 0, 255)))


def pixels(image):
    """Make a PIL image of what a step returned."""
    return image if isinstance(image, Image.Image) else F.to_pil_image(image)


def on_tensor(size, mode):
    """Resize as torchvision does on a tensor of bytes, without antialias."""
    return [transforms.PILToTensor(), transforms.Resize(size, Mode(mode), antialias=False)]


def config(size, resample, crop=None, **more):
    c = dict(size=size, resample=FILTERS[resample], image_mean=MEAN, image_std=STD, **more)
    if crop:
        c["crop_size"] = dict(height=crop[0], width=crop[1])
    return c


def resized():
    """Every filter: the short side and a crop, a stretch, and one that enlarges."""
    for name in FILTERS:
        mode = Mode(name)
        yield f"short_{name}", config({"shortest_edge": 61}, name, (49, 55)), [transforms.Resize(61, mode), transforms.CenterCrop((49, 55))]
        yield f"stretch_{name}", config(dict(height=47, width=66), name), [transforms.Resize((47, 66), mode)]
        yield f"larger_{name}", config({"shortest_edge": 211}, name, (40, 43)), [transforms.Resize(211, mode), transforms.CenterCrop((40, 43))]


def aliased():
    for name in ["bilinear", "bicubic"]:
        yield (f"aliased_short_{name}", config({"shortest_edge": 61}, name, (49, 55), antialias=False),
               on_tensor(61, name) + [transforms.CenterCrop((49, 55))])
        yield f"aliased_stretch_{name}", config(dict(height=47, width=66), name, antialias=False), on_tensor((47, 66), name)
        yield (f"aliased_larger_{name}", config({"shortest_edge": 211}, name, (40, 43), antialias=False),
               on_tensor(211, name) + [transforms.CenterCrop((40, 43))])


def keep_ratio(size, mode, longest):
    """timm's ResizeKeepRatio."""
    def resize(im):
        ratio_h, ratio_w = im.height / size[0], im.width / size[1]
        ratio = max(ratio_h, ratio_w) if longest else min(ratio_h, ratio_w)
        return F.resize(im, [round(im.height / ratio), round(im.width / ratio)], mode)
    return resize


def crop_or_pad(size, fill):
    """timm's CenterCropOrPad."""
    def crop(im):
        h, w = size
        dh, dw = max(h - im.height, 0), max(w - im.width, 0)
        im = F.pad(im, [dw // 2, dh // 2, (dw + 1) // 2, (dh + 1) // 2], fill=fill)
        return F.crop(im, int(round((im.height - h) / 2)), int(round((im.width - w) / 2)), h, w)
    return crop


def timm():
    for name, size, pct, mode, cfg in [
        ("center", (56, 56), 0.875, "bicubic", {}),
        ("center_wide", (40, 60), 0.9, "bilinear", {"crop_mode": "center"}),
        ("squash", (56, 48), 0.95, "bicubic", {"crop_mode": "squash"}),
        ("squash_whole", (56, 56), 1.0, "bicubic", {"crop_mode": "squash"}),
        ("border", (56, 50), 1.0, "bicubic", {"crop_mode": "border"}),
        ("border_crop", (48, 48), 0.8, "lanczos", {"crop_mode": "border"}),
    ]:
        scale = tuple(math.floor(s / pct) for s in size)
        how = cfg.get("crop_mode", "center")
        if how == "squash":
            steps = [transforms.Resize(scale, Mode(mode)), transforms.CenterCrop(size)]
        elif how == "border":
            steps = [keep_ratio(scale, Mode(mode), True), crop_or_pad(size, tuple(round(255 * v) for v in MEAN))]
        elif scale[0] == scale[1]:
            steps = [transforms.Resize(scale[0], Mode(mode)), transforms.CenterCrop(size)]
        else:
            steps = [keep_ratio(scale, Mode(mode), False), transforms.CenterCrop(size)]
        cfg = dict(architecture="drawn", num_classes=10, pretrained_cfg=dict(
            url="", tag="a1", input_size=[3, *size], fixed_input_size=True, interpolation=mode, crop_pct=pct, mean=MEAN, std=STD,
            num_classes=10, pool_size=None, first_conv="conv1", classifier="fc", **cfg))
        yield f"timm_{name}", cfg, steps


def bgr():
    flip = [transforms.Resize(50, Mode("bilinear")), transforms.CenterCrop(48), transforms.PILToTensor(), lambda t: t.flip(0)]
    yield "bgr", dict(image_processor_type="MobileViTImageProcessor", size={"shortest_edge": 50}, crop_size=dict(height=48, width=48)), flip


def preprocessed(d):
    pictures = {"wide": photograph(131, 97, 1), "tall": photograph(83, 149, 2)}
    for name, im in pictures.items():
        im.save(d / f"{name}.png", optimize=True)
    for cases in [resized(), aliased(), timm(), bgr()]:
        for name, cfg, steps in cases:
            (d / f"{name}.json").write_text(json.dumps(cfg, indent=1) + "\n")
            for source, im in pictures.items():
                torch.manual_seed(0)
                pixels(transforms.Compose(steps)(im)).save(d / f"{name}.{source}.png", optimize=True)


def exif_files(d):
    im = photograph(23, 16, 3)
    for n in range(1, 9):
        tags = Image.Exif()
        tags[0x010F] = "drawn"
        tags[0x0112] = n
        im.save(d / f"exif_{n}.png", exif=tags, optimize=True)
        if n in (1, 6):
            im.save(d / f"exif_{n}.jpg", exif=tags, quality=98, subsampling=0)
            im.save(d / f"exif_{n}.webp", exif=tags, lossless=True)
    for f in sorted(d.glob("exif_*")):
        turned = ImageOps.exif_transpose(Image.open(f)).convert("RGB")
        turned.info.clear()
        turned.save(str(f) + ".want.png", optimize=True)


def table():
    lines = ["# Written by testdata/gen/preprocess.py from torchvision 0.14.1: model, weights (* DEFAULT), resize, crop, interpolation,",
             "# and mean and std where they are not ImageNet's."]
    for model in models.list_models(module=models):
        weights = models.get_model_weights(model)
        for w in weights:
            t = w.transforms()
            (resize,), (crop,) = t.resize_size, t.crop_size
            star = "*" if w is weights.DEFAULT else ""
            stats = "" if t.mean == MEAN and t.std == STD else "".join(f" {v!r}" for v in [*t.mean, *t.std])
            lines.append(f"{model} {weights.__name__}.{w.name}{star} {resize} {crop} {t.interpolation.value}{stats}")
    TABLE.write_text("\n".join(lines) + "\n")


def main():
    if not OUT.parent.is_dir():
        sys.exit("run from the root of the repository")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    table()
    preprocessed(OUT)
    exif_files(OUT)


if __name__ == "__main__":
    main()

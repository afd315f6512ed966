#!/usr/bin/python3
"""Write the pictures, and what PIL makes of them, that internal/imageset is tested with.

    python3 testdata/gen/images.py

run from the root of the repository, rewrites internal/imageset/testdata:

    decode/NAME.EXT            a picture in one of the formats that are read
    decode/NAME.EXT.want.png   its pixels as PIL's convert("RGB") gives them
    half/NAME.jpg.want.png     what PIL makes of decode/NAME.jpg with Image.draft, at half its size
    resize/source.png          a picture, and
    resize/FILTER_WxH.png      what PIL's resize makes of it
    tensor/NAME.json           a preprocessing, and
    tensor/NAME.SOURCE.npy     what torchvision makes of a picture by it
    svhn/*.mat                 MATLAB files in the layout of SVHN's
    imagenet/*.mat             MATLAB files in the layout of ImageNet's meta.mat

All pictures are drawn here. It needs Debian's python3-pil, -numpy, -scipy and
-torchvision, gcc and libjpeg-dev. Made with PIL 9.4.0 on libjpeg-turbo 2.1.5
and libwebp 1.2.4, torchvision 0.14.1, SciPy 1.10.1.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image, ImageDraw
from torchvision import transforms

OUT = Path("internal/imageset/testdata")

# Encodes a binary PPM as the JPEG kinds that PIL does not write.
ENCODER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
/* encode W H KIND HV PIXELS OUT: KIND ycck, cmyk, ycc or rgb; HV sampling of the first component, "22" */
int main(int argc, char **argv) {
  int w = atoi(argv[1]), h = atoi(argv[2]), four = !strcmp(argv[3], "ycck") || !strcmp(argv[3], "cmyk");
  int n = four ? 4 : 3, hs = argv[4][0] - '0', vs = argv[4][1] - '0';
  unsigned char *pix = malloc(w * h * n);
  FILE *in = fopen(argv[5], "rb"), *out = fopen(argv[6], "wb");
  if (fread(pix, n, w * h, in) != (size_t)(w * h)) return 1;
  struct jpeg_compress_struct c; struct jpeg_error_mgr e;
  c.err = jpeg_std_error(&e); jpeg_create_compress(&c); jpeg_stdio_dest(&c, out);
  c.image_width = w; c.image_height = h; c.input_components = n;
  c.in_color_space = four ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&c);
  if (!strcmp(argv[3], "ycck")) jpeg_set_colorspace(&c, JCS_YCCK);
  if (!strcmp(argv[3], "rgb")) jpeg_set_colorspace(&c, JCS_RGB);
  c.comp_info[0].h_samp_factor = hs; c.comp_info[0].v_samp_factor = vs;
  if (four) { c.comp_info[3].h_samp_factor = hs; c.comp_info[3].v_samp_factor = vs; }
  if (!strcmp(argv[3], "cmyk")) c.write_Adobe_marker = argv[7][0] == '1';
  c.restart_interval = 3;
  jpeg_set_quality(&c, 90, TRUE);
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) { JSAMPROW r = pix + c.next_scanline * w * n; jpeg_write_scanlines(&c, &r, 1); }
  jpeg_finish_compress(&c); fclose(out);
  return 0;
}
"""


def picture(w, h, seed=0):
    """Draw shapes with sharp edges and strong colours on a gradient with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w]
    base = np.stack([255 * x / w, 255 * y / h, 255 * (x + y) / (w + h)], -1)
    im = Image.fromarray(np.uint8(np.clip(base + rng.normal(0, 8, base.shape), 0, 255)))
    draw = ImageDraw.Draw(im)
    for _ in range(6):
        x0, y0 = rng.integers(0, w), rng.integers(0, h)
        colour = tuple(int(v) for v in rng.choice([0, 40, 255], 3))
        draw.ellipse([x0 - w // 6, y0 - h // 6, x0 + w // 6, y0 + h // 6], fill=colour)
        draw.line([x0, 0, w - x0, h], fill=colour[::-1])
    return im


def alpha(w, h):
    return Image.fromarray(np.uint8(np.add.outer(np.arange(h) * 7, np.arange(w) * 5) % 256))


def blocks(w, h):
    """Draw flat squares the size of a subsampled JPEG block. Each block then has only a mean, which all
    decoders restore alike, so that what is left to differ is the interpolation of colour."""
    rng = np.random.default_rng(8)
    squares = rng.integers(0, 256, (-(-h // 16), -(-w // 16), 3))
    return Image.fromarray(np.uint8(squares.repeat(16, 0).repeat(16, 1)[:h, :w]))


def png(path, w, h, depth, kind, rows, interlaced=0):
    """Write a PNG chunk by chunk, for the kinds that PIL does not write."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    raw = b"".join(b"\0" + r for r in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, interlaced))
                     + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def decode_files(d):
    im = picture(31, 19)
    gray, mask = im.convert("L"), alpha(31, 19)
    rgba = im.copy()
    rgba.putalpha(mask)
    im.save(d / "rgb.png")
    rgba.save(d / "rgba.png")
    gray.save(d / "gray.png")
    la = gray.copy()
    la.putalpha(mask)
    la.save(d / "gray_alpha.png")
    gray.convert("1").save(d / "bilevel.png")
    pal = im.quantize(40)
    pal.save(d / "palette.png")
    pal.save(d / "palette_alpha.png", transparency=bytes(range(0, 240, 6)))
    pal.quantize(12).save(d / "palette_4bit.png")
    deep = np.asarray(im).astype(np.uint16) * 256 + 255 - np.asarray(im)
    png(d / "rgb_16bit.png", 31, 19, 16, 2, [r.astype(">u2").tobytes() for r in deep])
    deep4 = np.concatenate([deep, deep[..., :1]], -1)
    png(d / "rgba_16bit.png", 31, 19, 16, 6, [r.astype(">u2").tobytes() for r in deep4])
    png(d / "gray_16bit.png", 31, 19, 16, 0, [r.astype(">u2").tobytes() for r in deep[..., 0]])
    ga16 = np.stack([deep[..., 0], deep[..., 1]], -1)
    png(d / "gray_alpha_16bit.png", 31, 19, 16, 4, [r.astype(">u2").tobytes() for r in ga16])
    g2 = np.asarray(gray) >> 6
    g2 = np.pad(g2, ((0, 0), (0, 1)))
    packed = g2[:, 0::4] << 6 | g2[:, 1::4] << 4 | g2[:, 2::4] << 2 | g2[:, 3::4]
    png(d / "gray_2bit.png", 31, 19, 2, 0, [r.astype(np.uint8).tobytes() for r in packed])
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]  # Adam7
    rows = [np.asarray(im)[i, x::dx].tobytes() for x, y, dx, dy in passes for i in range(y, 19, dy)]
    png(d / "interlaced.png", 31, 19, 8, 2, rows, interlaced=1)
    im.save(d / "rgb_key.png", transparency=im.getpixel((9, 9)))
    gray.save(d / "gray_key.png", transparency=gray.getpixel((9, 9)))
    one = picture(1, 1)
    for name in ("1x1.png", "1x1.gif", "1x1.bmp"):
        one.save(d / name)
    one.save(d / "lossless_1x1.webp", lossless=True)

    for w, h in [(31, 19), (34, 18), (4, 5), (3, 3), (1, 1)]:
        picture(w, h).save(d / f"420_{w}x{h}.jpg", quality=90, subsampling=2)
    for name, sub in [("420", 2), ("422", 1), ("444", 0)]:
        blocks(61, 45).save(d / f"blocks_{name}.jpg", quality=95, subsampling=sub)
    picture(31, 19).save(d / "422.jpg", quality=90, subsampling=1)
    picture(31, 19).save(d / "444.jpg", quality=90, subsampling=0)
    picture(31, 19).save(d / "progressive.jpg", quality=90, progressive=True)
    gray.save(d / "gray.jpg", quality=90)
    im.convert("CMYK").save(d / "cmyk.jpg", quality=90)

    pal.save(d / "plain.gif")
    pal.save(d / "transparent.gif", transparency=int(np.bincount(np.asarray(pal).ravel()).argmax()))
    im.save(d / "two_frames.gif", save_all=True, append_images=[picture(31, 19, 7)], duration=100)
    for name in ("plain", "transparent"):  # a logical screen larger than the frame
        data = bytearray((d / f"{name}.gif").read_bytes())
        data[6:10] = struct.pack("<HH", 40, 25)
        at = data.index(b",\0\0\0\0" + struct.pack("<HH", 31, 19))
        data[at + 1:at + 5] = struct.pack("<HH", 5, 2)
        (d / f"{name}_offset.gif").write_bytes(data)

    for w, h in [(31, 19), (32, 20), (1, 1)]:
        picture(w, h).save(d / f"lossy_{w}x{h}.webp", quality=80)
    rgba.save(d / "lossy_alpha.webp", quality=80)
    im.save(d / "lossless.webp", lossless=True)
    rgba.save(d / "lossless_alpha.webp", lossless=True, exact=True)

    other = picture(31, 19, 7)
    im.save(d / "animated_lossy.webp", save_all=True, append_images=[other], duration=100, quality=80)
    im.save(d / "animated_lossless.webp", save_all=True, append_images=[other], duration=100, lossless=True)
    rgba.save(d / "animated_alpha.webp", save_all=True, append_images=[other], duration=100, quality=80)
    im.save(d / "animated.png", save_all=True, append_images=[other], duration=100)
    small = Image.new("RGBA", (31, 19))
    small.paste(im.crop((4, 6, 20, 16)), (4, 6))
    small.save(d / "animated_offset.webp", save_all=True, append_images=[other], duration=100, lossless=True)

    im.save(d / "rgb.bmp")
    pal.save(d / "palette.bmp")
    gray.convert("1").save(d / "bilevel.bmp")
    rgba.save(d / "rgba.bmp")


def half_files():
    """Write what libjpeg makes of the JPEG pictures at a scale of 1/2."""
    d = OUT / "half"
    shutil.rmtree(d, ignore_errors=True)
    d.mkdir()
    for f in sorted((OUT / "decode").glob("*.jpg")):
        im = Image.open(f)
        w, h = im.size
        if min(w, h) > 1:
            im.draft(None, (w // 2, h // 2))
            assert im.size == ((w + 1) // 2, (h + 1) // 2), f
            im.convert("RGB").save(d / f"{f.name}.want.png")


def encoded_files(d):
    """Write the JPEG kinds that PIL does not write."""
    with tempfile.TemporaryDirectory() as t:
        t = Path(t)
        (t / "e.c").write_text(ENCODER)
        subprocess.run(["gcc", "-o", t / "e", t / "e.c", "-ljpeg"], check=True)
        im = picture(31, 19)
        ink = np.asarray(im.convert("CMYK")).copy()
        ink[..., 3] = np.asarray(alpha(31, 19)) // 2
        (t / "p").write_bytes(blocks(61, 45).tobytes())
        subprocess.run([t / "e", "61", "45", "ycc", "12", t / "p", d / "blocks_440.jpg", "1"], check=True)
        for name, kind, hv, adobe in [("440", "ycc", "12", "1"), ("411", "ycc", "41", "1"), ("rgb", "rgb", "11", "1"),
                                      ("ycck", "ycck", "11", "1"), ("ycck_420", "ycck", "22", "1"),
                                      ("cmyk_no_adobe", "cmyk", "11", "0")]:
            raw = 255 - ink if kind in ("ycck", "cmyk") else np.asarray(im)
            (t / "p").write_bytes(np.ascontiguousarray(raw).tobytes())
            subprocess.run([t / "e", "31", "19", kind, hv, t / "p", d / f"{name}.jpg", adobe], check=True)


def want(d):
    for f in sorted(d.iterdir()):
        im = Image.open(f)
        if f.name == "gray_16bit.png":
            # PIL would clip 16 bits to 8, turning nearly all white. The high byte is what 16-bit colour gets.
            im = Image.fromarray(np.uint8(np.asarray(im) >> 8))
        im = im.convert("RGB")
        im.info.clear()  # or the transparent colour would be saved with it
        im.save(str(f) + ".want.png", optimize=True)


FILTERS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}


def resize_files(d):
    src = picture(41, 30, 3)
    src.save(d / "source.png", optimize=True)
    for name, code in FILTERS.items():
        for size in [(17, 13), (50, 33), (41, 12), (23, 30), (3, 55)]:
            src.resize(size, code).save(d / f"{name}_{size[0]}x{size[1]}.png", optimize=True)


def tensor_files(d):
    stats = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    pictures = {"wide": picture(41, 30, 3), "tall": picture(25, 60, 4), "small": picture(15, 11, 5), "same": picture(24, 24, 6)}
    for name, im in pictures.items():
        im.save(d / f"{name}.png", optimize=True)
    bilinear, bicubic = transforms.InterpolationMode.BILINEAR, transforms.InterpolationMode.BICUBIC
    cases = {
        "short": (dict(size={"shortest_edge": 24}, resample=2, crop_size={"height": 14, "width": 11}, **stats),
                  [transforms.Resize(24, bilinear), transforms.CenterCrop((14, 11))]),
        "padded": (dict(size={"shortest_edge": 9}, resample=3, crop_size={"height": 12, "width": 14}, **stats),
                   [transforms.Resize(9, bicubic), transforms.CenterCrop((12, 14))]),
        "square": (dict(size={"height": 10, "width": 13}, resample=3, **stats), [transforms.Resize((10, 13), bicubic)]),
        "crop": (dict(do_resize=False, crop_size=13, **stats), [transforms.CenterCrop(13)]),
    }
    for name, (config, steps) in cases.items():
        (d / f"{name}.json").write_text(json.dumps(config, indent=1) + "\n")
        t = transforms.Compose(steps + [transforms.ToTensor(), transforms.Normalize(stats["image_mean"], stats["image_std"])])
        for source, im in pictures.items():
            np.save(d / f"{name}.{source}.npy", t(im).numpy())


def svhn_files(d):
    x = np.stack([np.asarray(picture(32, 32, s)) for s in range(3)], -1)
    y = np.uint8([[1], [10], [9]])
    scipy.io.savemat(d / "compressed.mat", {"X": x, "y": y}, do_compression=True)
    scipy.io.savemat(d / "double.mat", {"note": "text", "y": y.astype(float), "X": x}, do_compression=True)
    scipy.io.savemat(d / "one.mat", {"X": x[..., 0], "y": np.uint8([[3]])}, do_compression=True)
    scipy.io.savemat(d / "plain.mat", {"X": x[8:16, 4:20], "y": y})
    undate(d)


def undate(d):
    for f in d.iterdir():  # the header has the date in it
        data = bytearray(f.read_bytes())
        data[:116] = b"MATLAB 5.0 MAT-file, drawn by testdata/gen/images.py".ljust(116)
        f.write_bytes(data)


def meta_files(d):
    """ImageNet's meta.mat: an array of structs, of which one is no class but a parent."""
    ids = ["n02119789", "n02012849", "n01440764", "n00001740"]
    fields = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("gloss", object), ("num_children", object),
              ("children", object), ("wordnet_height", object), ("num_train_images", object)]
    synsets = np.zeros((4, 1), fields)
    for i, w in enumerate(["kit fox, Vulpes macrotis", "crane", "tench, Tinca tinca", "entity"]):
        parent = w == "entity"
        synsets[i, 0] = (float(i + 1), ids[i], w, "a " + w, 3.0 if parent else 0.0,
                         np.float64([1, 2, 3]) if parent else np.zeros((1, 0)), 5.0 if parent else 0.0, 1300.0)
    scipy.io.savemat(d / "meta.mat", {"version": 1.0, "synsets": synsets}, do_compression=True)
    scipy.io.savemat(d / "meta_plain.mat", {"synsets": synsets})
    undate(d)


def main():
    if not OUT.parent.is_dir():
        sys.exit("run from the root of the repository")
    for name, make in [("decode", decode_files), ("resize", resize_files), ("tensor", tensor_files), ("svhn", svhn_files),
                       ("imagenet", meta_files)]:
        d = OUT / name
        shutil.rmtree(d, ignore_errors=True)
        d.mkdir(parents=True)
        make(d)
    encoded_files(OUT / "decode")
    want(OUT / "decode")
    half_files()


if __name__ == "__main__":
    main()

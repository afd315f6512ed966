#!/usr/bin/python3
"""Train the demonstration's classifier and write it to testdata/demo.

    python3 testdata/gen/demo_classifier.py

run from the root of the repository, makes

    testdata/demo/classifier.onnx                      the network
    testdata/demo/classifier.preprocessor_config.json  what becomes of a pixel
    testdata/demo/classifier.json                      how it was trained, measured accuracy

It needs Go, which draws the images, and Debian's python3-torch, python3-numpy
and python3-pil; it takes two to four minutes on two idle cores, and gives the
same file byte for byte on the same machine. The images are those of
`go run ./internal/demo/draw --seed 1` with longer sets, so that the
demonstration's id-train is the beginning of what the network was trained on,
as in real use, and its id-test is new to it. No letter and no scene was ever
shown to it. How the network was chosen: see testdata/demo/README.md.
"""

import argparse
import hashlib
import json
import platform
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

CLASSES = "0123456789"
MEAN, STD = 0.5, 0.25  # of every channel, after division by 255


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("testdata/demo"))
    parser.add_argument("--train", type=int, default=20000, help="training images")
    parser.add_argument("--test", type=int, default=5000, help="test images, only for the accuracy")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-3, help="peak learning rate")
    parser.add_argument("--decay", type=float, default=1e-2, help="AdamW's weight decay")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order of the images")
    parser.add_argument("--draw-seed", type=int, default=1, help="of the images; the demonstration's is 1")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def draw(folder, args):
    """Draw the images and return (x, y) of the training and of the test set."""
    subprocess.run(
        ["go", "run", "./internal/demo/draw", "--out", folder, "--seed", str(args.draw_seed),
         "--train", str(args.train), "--test", str(args.test), "--near", "0", "--far", "0"],
        check=True)
    return read(Path(folder, "id-train")), read(Path(folder, "id-test"))


def read(folder):
    """Read folder/<class>/*.png as x [n,3,32,32], normalised, and y [n]."""
    pixels, labels = [], []
    for label, name in enumerate(CLASSES):
        for file in sorted(Path(folder, name).glob("*.png")):
            pixels.append(np.asarray(Image.open(file).convert("RGB")))
            labels.append(label)
    x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    return (x - MEAN) / STD, torch.tensor(labels)


def network():
    """A plain CNN: 24,000 parameters, 2.8 million multiplications an image."""
    def block(inputs, outputs):
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(
        *block(3, 16), nn.MaxPool2d(2),
        *block(16, 32), nn.MaxPool2d(2),
        *block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(64, len(CLASSES)))


def train(net, x, y, args):
    """Minimise cross-entropy with AdamW under a one-cycle learning rate."""
    batches = len(x) // args.batch
    optimizer = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=args.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, total_steps=args.epochs * batches)
    net.train()
    for epoch in range(args.epochs):
        total = 0.0
        for rows in torch.randperm(len(x))[:batches * args.batch].split(args.batch):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {args.epochs}: loss {total / batches:.4f}", flush=True)


def fold(net):
    """Fold every batch normalisation into the convolution before it."""
    folded = []
    for layer in net.eval():
        if isinstance(layer, nn.BatchNorm2d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        else:
            folded.append(layer)
    return nn.Sequential(*folded).eval()


@torch.no_grad()
def accuracy(net, x, y):
    """The share of images whose largest logit is their class."""
    right = sum((net(a).argmax(1) == b).sum().item() for a, b in zip(x.split(500), y.split(500)))
    return round(right / len(x), 4)


def export(net, file):
    torch.onnx.export(
        net, torch.zeros(1, 3, 32, 32), str(file), opset_version=13,
        input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})


def write_json(file, value):
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def main():
    args = parse_arguments()
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    torch.use_deterministic_algorithms(True)
    with tempfile.TemporaryDirectory() as folder:
        (x, y), (x_test, y_test) = draw(folder, args)
    net = network()
    train(net, x, y, args)
    net = fold(net)

    model = args.out / "classifier.onnx"
    export(net, model)
    write_json(args.out / "classifier.preprocessor_config.json", {
        "do_resize": True, "size": {"shortest_edge": 32}, "resample": 2,
        "do_center_crop": True, "crop_size": {"height": 32, "width": 32},
        "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [MEAN] * 3, "image_std": [STD] * 3,
    })
    measured = {"train": accuracy(net, x, y), "test": accuracy(net, x_test, y_test)}
    write_json(args.out / "classifier.json", {
        "model": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "classes": list(CLASSES),
        "feature_dim": 64,
        "penultimate": "the input of the last Gemm, 64 values: each map's mean over its 8×8 places",
        "trained_by": "testdata/gen/demo_classifier.py",
        "images": {"drawn_by": "internal/demo/draw", "seed": args.draw_seed, "train": args.train, "test": args.test},
        "training": {"seed": args.seed, "epochs": args.epochs, "batch": args.batch, "peak_learning_rate": args.rate,
                     "optimizer": "AdamW", "weight_decay": args.decay, "schedule": "one cycle", "augmentation": "none"},
        "accuracy": measured,
        "versions": {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()},
        "licence": "MIT",
    })
    print(f"{model}: {model.stat().st_size} bytes, accuracy {measured['train']} (train), {measured['test']} (test)")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the small ONNX models of internal/classifier/testdata and what torch computes with them.

Usage: python3 testdata/gen/classifier_models.py internal/classifier/testdata

Made with torch 1.13.0 and numpy on the CPU (Debian's python3-torch), opset 14. For every model NAME there are
NAME.onnx, NAME_features.npy and NAME_logits.npy: the penultimate features and the logits of IMAGES images whose
values are given by pixels() below (pixel_bytes() for bytes), which the Go tests repeat.
"""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGES, SIDE, CLASSES = 7, 16, 5


def numbers():
    """Values of 0 to 2016 from integer arithmetic, the same in every language."""
    i = np.arange(IMAGES * 3 * SIDE * SIDE, dtype=np.int64)
    return (i * 7919 + (i // 768) * 104729 + (i // 16) * 31) % 2017


def pixel_bytes():
    """Values of 0 to 252."""
    return torch.from_numpy((numbers() // 8).astype(np.uint8).reshape(IMAGES, 3, SIDE, SIDE))


def pixels():
    """Values in [-1, 1)."""
    v = numbers() / 1008.5 - 1
    return torch.from_numpy(v.astype(np.float32).reshape(IMAGES, 3, SIDE, SIDE))


class Plain(nn.Module):
    """Convolution, batch normalisation, ReLU, maximum pooling, two linear layers' worth of head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1), nn.Flatten(), nn.Linear(64, 24), nn.ReLU())
        self.head = nn.Linear(24, CLASSES)

    def features(self, x):
        return self.body(x)

    def forward(self, x):
        return self.head(self.features(x))


class Residual(nn.Module):
    """A residual block whose shortcut slices and pads, before and after a batch normalisation, and pre-activation."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.b = nn.Conv2d(6, 12, 3, stride=2, padding=1, bias=False)
        self.c = nn.Conv2d(12, 12, 3, padding=1)
        self.na, self.nb, self.nc = nn.BatchNorm2d(6), nn.BatchNorm2d(12), nn.BatchNorm2d(12)
        self.head = nn.Linear(12, CLASSES)

    def features(self, x):
        x = self.a(x)
        x = F.relu(self.na(x)) + x  # the convolution is read twice
        y = self.c(F.relu(self.nb(self.b(x))))
        x = F.relu(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 3, 3)))
        x = F.relu(self.nc(x))
        x = F.avg_pool2d(x, 8)
        return x.view(x.size(0), -1)

    def forward(self, x):
        return self.head(self.features(x))


class Pooled(nn.Module):
    """Branches joined by channel and a 1x1 convolution head before the global pooling, as in SqueezeNet."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, stride=2)
        self.b = nn.Conv2d(8, 6, 1)
        self.c = nn.Conv2d(8, 10, 3, padding=1)
        self.head = nn.Conv2d(16, CLASSES, 1)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.a(x)), 2, ceil_mode=True)
        return torch.cat([F.relu(self.b(x)), F.relu(self.c(x))], 1)

    def forward(self, x):
        x = F.dropout(self.features(x), training=self.training)
        return F.adaptive_avg_pool2d(F.relu(self.head(x)), 1).flatten(1)


class Mobile(nn.Module):
    """What mobile networks add: depthwise and grouped convolutions, ReLU6, squeeze and excitation, hard swish,
    one-sided pads, dilation, average pooling with pads, a shuffle of channels."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, stride=2, bias=False)
        self.na = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8)
        self.squeeze, self.excite = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.grouped = nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4)
        self.point = nn.Conv2d(12, 20, 1)
        self.nb = nn.BatchNorm2d(20)
        self.head = nn.Linear(20, CLASSES)

    def features(self, x):
        x = F.relu6(self.na(self.a(F.pad(x, (0, 1, 0, 1)))))
        x = F.hardswish(self.depthwise(x))
        s = F.adaptive_avg_pool2d(x, 1)
        x = x * F.hardsigmoid(self.excite(F.relu(self.squeeze(s))))
        x = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        x = F.leaky_relu(self.grouped(x), 0.1)
        n, c, h, w = x.shape
        x = x.view(-1, 3, c // 3, h, w).transpose(1, 2).reshape(-1, c, h, w)
        x = torch.sigmoid(self.nb(self.point(x)))
        return x.mean((2, 3))

    def forward(self, x):
        return self.head(self.features(x))


class Last(nn.Module):
    """Takes images as N x H x W x 3."""

    def __init__(self):
        super().__init__()
        self.inner = Plain()

    def features(self, x):
        return self.inner.features(x.permute(0, 3, 1, 2))

    def forward(self, x):
        return self.inner.head(self.features(x))


class Bytes(nn.Module):
    """Takes pixels of 0 to 255 as bytes, N x H x W x 3, and scales them itself."""

    def __init__(self):
        super().__init__()
        self.inner = Plain()

    def features(self, x):
        return self.inner.features(x.permute(0, 3, 1, 2).float() / 127.5 - 1)

    def forward(self, x):
        return self.inner.head(self.features(x))


class Mixed(nn.Module):
    """Subtracts the mean of the batch: the result for an image depends on the others."""

    def __init__(self):
        super().__init__()
        self.inner = Plain()

    def features(self, x):
        x = self.inner.features(x)
        return F.relu(x - x.mean(0, keepdim=True))

    def forward(self, x):
        return self.inner.head(self.features(x))


def randomise(model):
    """Gives batch normalisations statistics and scales that are not 0 and 1."""
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, 0, 0.3)
            nn.init.normal_(m.running_mean, 0, 0.3)
            nn.init.uniform_(m.running_var, 0.3, 2)


def write(folder, name, model, batch=None, last=False, x=None):
    torch.manual_seed(1)
    model = model().eval()
    randomise(model)
    x = pixels() if x is None else x
    if last:
        x = x.permute(0, 2, 3, 1).contiguous()
    with torch.no_grad():
        f, y = model.features(x), model(x)
    if f.dim() == 4:
        f = f.mean((2, 3))
    path = os.path.join(folder, name)
    np.save(path + "_features.npy", f.numpy())
    np.save(path + "_logits.npy", y.numpy())
    torch.onnx.export(model, x[:batch or 2], path + ".onnx", opset_version=14, input_names=["image"], output_names=["logits"],
                      training=torch.onnx.TrainingMode.PRESERVE,  # keeps batch normalisation apart from convolutions
                      dynamic_axes=None if batch else {"image": {0: "N"}, "logits": {0: "N"}})


def main(folder):
    write(folder, "plain", Plain)
    write(folder, "residual", Residual)
    write(folder, "pooled", Pooled)
    write(folder, "mobile", Mobile)
    write(folder, "static4", Plain, batch=4)
    write(folder, "static1", Residual, batch=1)
    write(folder, "last", Last, last=True)
    write(folder, "bytes", Bytes, last=True, x=pixel_bytes())
    write(folder, "mixed", Mixed)


if __name__ == "__main__":
    main(sys.argv[1])

#!/usr/bin/env python3
"""What extract replaces: PIL, torchvision's transforms and a DataLoader with worker processes, then the classifier.

    torch_dataloader.py --model imagenet_mobilenetv2.onnx --arch mobilenet_v2 --images imagenette/train

The classifier runs in ONNX Runtime where Python has it: the same file, the same engine. Otherwise it is torchvision's model
of the given architecture in torch, with random weights: the arithmetic of the same network, which is all that a speed
takes. Which of the two it was is in the result, one line of JSON. Importing, opening the model and one batch beforehand
are not counted; starting the workers is, as it happens anew for every pass over a folder.
"""
import argparse
import json
import os
import resource
import time

from PIL import Image
import torch
import torchvision
from torchvision import transforms

EXTENSIONS = (".jpeg", ".jpg", ".png")


class Folder(torch.utils.data.Dataset):
    """The pictures below a folder in the order of their names, each with its name."""

    def __init__(self, root, transform, limit):
        names = [os.path.join(d, f) for d, _, files in os.walk(root) for f in files if f.lower().endswith(EXTENSIONS)]
        self.names = sorted(names)[: limit or None]
        self.transform = transform

    def __len__(self):
        return len(self.names)

    def __getitem__(self, i):
        with Image.open(self.names[i]) as image:
            return self.transform(image.convert("RGB")), self.names[i]


def preprocessing(path):
    """The transforms that a Hugging Face preprocessor_config.json of this form asks for."""
    with open(path) as f:
        c = json.load(f)
    steps = [transforms.Resize(c["size"]["shortest_edge"], interpolation=Image.BILINEAR)]
    if c.get("do_center_crop"):
        steps.append(transforms.CenterCrop((c["crop_size"]["height"], c["crop_size"]["width"])))
    return transforms.Compose(steps + [transforms.ToTensor(), transforms.Normalize(c["image_mean"], c["image_std"])])


def classifier(model, arch, threads):
    """A function of a batch, and what computes it."""
    try:
        import onnxruntime
    except ImportError:
        torch.set_num_threads(threads)
        net = getattr(torchvision.models, arch)().eval()
        return (lambda x: net(x).numpy()), "torch " + torch.__version__
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return (lambda x: session.run(None, {name: x.numpy()})[0]), "onnxruntime " + onnxruntime.__version__


def cpu():
    """User and system time of this process and of the workers that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--model", required=True, help="the ONNX file; its preprocessor_config.json lies beside it")
    p.add_argument("--arch", required=True, help="torchvision's name of the architecture")
    p.add_argument("--images", required=True, help="the folder")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--limit", type=int, default=0)
    o = p.parse_args()

    images = Folder(o.images, preprocessing(os.path.splitext(o.model)[0] + ".preprocessor_config.json"), o.limit)
    run, engine = classifier(o.model, o.arch, o.threads)
    n = 0
    with torch.inference_mode():
        run(torch.randn(o.batch, 3, 224, 224))
        start, before = time.perf_counter(), cpu()
        loader = torch.utils.data.DataLoader(images, batch_size=o.batch, num_workers=o.workers)
        for batch, names in loader:
            run(batch)
            n += len(names)
        del loader, batch
    seconds = time.perf_counter() - start
    print(json.dumps({
        "images": n, "seconds": seconds, "images_per_s": n / seconds, "cpu_s": cpu() - before,
        "engine": engine, "batch": o.batch, "threads": o.threads, "workers": o.workers,
    }))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How near extract comes to the bare engine, and how far it leaves the usual Python script behind.

    OODFLOW_DATA=folder testdata/bench/extract.py [--rounds 5] [--only mobilenetv2] [--no-memory]

Each round runs, one after the other: the bare engine (oodflow bench model), extract, score, and torch_dataloader.py with
the same threads. What is compared are runs of the same round, and the medians of these ratios count: a machine that is slower
for a while is slower for all of them. CPU is user and system time per image, which other processes on the machine hardly
change. Then extract runs over 1,000 and over 30,000 images, and its peak memory must stay.

The status is 1 when a target is missed: extract at 90 % of the bare engine on CIFAR-10, at 85 % on JPEGs, at 1.5 times the
Python script, score at 95 % of extract, memory within 32 MiB, which the garbage collector may take: a growth by 1 kB an
image shows.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = [
    # name, model, images below OODFLOW_DATA, number of them, torchvision's name, share of the bare engine to reach
    ("cifar10 binaries, WRN-16-2", "cifar10_wrn16_2", "cifar10:%s/cifar10#test", 10000, None, 0.90),
    ("imagenette JPEGs, MobileNetV2", "imagenet_mobilenetv2", "%s/imagenette/train", 1500, "mobilenet_v2", 0.85),
    ("imagenette JPEGs, SqueezeNet", "imagenet_squeezenet1_1", "%s/imagenette/train", 1500, "squeezenet1_1", 0.85),
]
PYTHON_FACTOR, SCORE_SHARE, MEMORY_MIB = 1.5, 0.95, 32


def run(*command):
    """The standard output of a command that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("%s\n%s" % (" ".join(command), done.stderr))
    return done.stdout


class Bench:
    """One classifier and the images for it."""

    def __init__(self, options, case, folder):
        self.o, self.folder = options, folder
        self.name, model, images, self.images, self.arch, self.share = case
        self.model = os.path.join(options.data, "models", model + ".onnx")
        self.source = images % options.data
        self.detector = None
        self.batch = None

    def oodflow(self, *arguments):
        return run(self.o.oodflow, *arguments)

    def stats(self, command, *arguments, images=None):
        """What a run over the images says of itself."""
        path = os.path.join(self.folder, "stats.json")
        self.oodflow(command, "--quiet", "--model", self.model, "--images", images or self.source, "--stats", path,
                     "--threads", str(self.o.threads), *arguments)
        with open(path) as f:
            s = json.load(f)
        s["cpu_ms"] = 1e3 * s["cpu_s"] / s["images"]
        return s

    def extract(self, *arguments, **more):
        return self.stats("extract", "--out", os.path.join(self.folder, "features.safetensors"), *arguments, **more)

    def score(self):
        if self.detector is None:
            self.detector = os.path.join(self.folder, "detector.safetensors")
            self.oodflow("train", "--quiet", "--features", os.path.join(self.folder, "features.safetensors"), "--out", self.detector)
        return self.stats("score", "--detector", self.detector, "--out", os.path.join(self.folder, "scores.csv"))

    def bare(self):
        if self.batch is None:
            self.batch = self.extract("--limit", "20")["batch"]
        m = json.loads(self.oodflow("bench", "model", "--json", "--model", self.model, "--threads", str(self.o.threads),
                                    "--batch", str(self.batch), "--steps", str(max(1, self.images // self.batch // 2))))
        m["cpu_ms"] = m["cpu_ms_per_image"]
        return m

    def list(self, n):
        """A list of n of the images, repeated where there are fewer."""
        files = sorted(glob.glob(os.path.join(self.source, "*", "*")))
        path = os.path.join(self.folder, "list.txt")
        with open(path, "w") as f:
            f.writelines(files[i % len(files)] + "\n" for i in range(n))
        return path

    def python(self):
        s = json.loads(run(self.o.python, os.path.join(HERE, "torch_dataloader.py"), "--model", self.model, "--arch", self.arch,
                           "--images", self.source, "--threads", str(self.o.threads), "--limit", str(self.o.python_images)))
        s["cpu_ms"] = 1e3 * s["cpu_s"] / s["images"]
        return s

    def rounds(self):
        """The medians over all rounds. True when every target is met."""
        steps = {"bare engine": self.bare, "extract": self.extract, "score": self.score}
        if self.arch and self.o.python:
            steps["python"] = self.python
        found = {name: [] for name in steps}
        for _ in range(self.o.rounds):
            for name, step in steps.items():
                found[name].append(step())
        print("\n%s: batch %d, %d threads, %d rounds" % (self.name, self.batch, self.o.threads, self.o.rounds))
        print("%-12s %10s %14s   %s" % ("", "images/s", "CPU ms/image", "with"))
        for name, all_runs in found.items():
            print("%-12s %10.1f %14.3f   %s" % (name, median(r["images_per_s"] for r in all_runs),
                                               median(r["cpu_ms"] for r in all_runs), all_runs[0]["engine"]))
        good = self.check(found, "extract", "bare engine", self.share)
        good &= self.check(found, "score", "extract", SCORE_SHARE)
        if "python" in found:
            good &= self.check(found, "extract", "python", PYTHON_FACTOR)
        return good

    def check(self, found, what, other, least):
        """Whether one thing is fast enough beside another."""
        speed = median(a["images_per_s"] / b["images_per_s"] for a, b in zip(found[what], found[other]))
        work = median(b["cpu_ms"] / a["cpu_ms"] for a, b in zip(found[what], found[other]))
        print("%s / %s: %.3f, by CPU time %.3f; wanted %.2f: %s" % (what, other, speed, work, least, verdict(speed >= least)))
        return speed >= least

    def memory(self):
        """Whether the peak memory is that of a short run."""
        if self.source.startswith("cifar10:"):
            few, many = [self.stats("extract", "--limit", str(n), "--out", os.path.join(self.folder, "m.safetensors"),
                                    images=self.source.replace("#test", "#train")) for n in (1000, 30000)]
        else:
            few, many = [self.extract(images=self.list(n)) for n in (1000, 30000)]
        growth = (many["peak_rss_bytes"] - few["peak_rss_bytes"]) / 2**20
        print("%s: peak memory %.0f MiB over %d images, %.0f MiB over %d: %s" % (
            self.name, few["peak_rss_bytes"] / 2**20, few["images"], many["peak_rss_bytes"] / 2**20, many["images"],
            verdict(growth <= MEMORY_MIB)))
        return growth <= MEMORY_MIB


def median(values):
    return statistics.median(list(values))


def verdict(good):
    return "met" if good else "MISSED"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", default=os.environ.get("OODFLOW_DATA"), help="the folder with models/, cifar10/ and imagenette/")
    p.add_argument("--oodflow", default=os.environ.get("OODFLOW", "./bin/oodflow"))
    p.add_argument("--python", default=sys.executable, help="the Python with torch, torchvision and PIL; '' leaves the script out")
    p.add_argument("--python-images", type=int, default=300, help="images for each run of the Python script")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--only", default="", help="the cases whose model has this in its name")
    p.add_argument("--no-memory", action="store_true", help="leave out the runs over 30,000 images")
    o = p.parse_args()
    if not o.data:
        p.error("OODFLOW_DATA is not set")
    good = True
    for case in CASES:
        if o.only not in case[1]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(o, case, folder)
            good &= bench.rounds()
            if not o.no_memory:
                good &= bench.memory()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

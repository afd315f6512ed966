#!/usr/bin/python3
"""Export classifiers to ONNX and write what internal/onnx is tested on.

Every classifier family of torchvision, with random weights, and a few small
networks that stand for other exporters and other tasks. The graphs are what
torch.onnx.export wrote; the weights are stripped: a tensor keeps its name,
type and dimensions, but only the head's weights, which are drawn from a few
values, and small constants keep their data. What torch itself says about the
last layer (a forward hook on it, no look at the graph) goes into models.json.

    testdata/gen/torchvision_models.py [--full DIR] [NAME ...]

writes internal/onnx/testdata/*.onnx.gz and models.json; with names, only these
files, and models.json is updated. --full also writes the exports with all
their weights to DIR, for a look with an engine. Made with Python 3.11,
torch 1.13.0, torchvision 0.14.1 and onnx 1.12.0 (Debian's python3-torch,
python3-torchvision and python3-onnx).
"""

import argparse
import gzip
import io
import json
import pathlib
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.models as models
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/onnx/testdata"
CLASSES = 11
KEEP = 64  # elements of the largest constant that keeps its data
VALUES = torch.tensor([-1.0, -0.5, 0.25, 0.5, 1.0])  # what head weights are drawn from: they compress


def torchvision_cases():
    """name -> (constructor, input size, opset, dynamic axes of the input)"""
    batch = {0: "N"}
    anysize = {0: "N", 2: "H", 3: "W"}
    return {
        "alexnet": (models.alexnet, 224, 13, batch),
        "vgg11": (models.vgg11, 224, 13, batch),
        "vgg11_bn": (models.vgg11_bn, 224, 11, {}),
        "resnet18": (models.resnet18, 224, 13, batch),
        "resnet18_static": (models.resnet18, 224, 9, {}),
        "resnet50_anysize": (models.resnet50, 224, 16, anysize),
        "resnext50": (models.resnext50_32x4d, 224, 13, batch),
        "wide_resnet50": (models.wide_resnet50_2, 224, 13, {}),
        "densenet121": (models.densenet121, 224, 13, batch),
        "googlenet": (lambda **k: models.googlenet(init_weights=False, aux_logits=False, **k), 224, 13, batch),
        "inception_v3": (lambda **k: models.inception_v3(init_weights=False, aux_logits=False, **k), 299, 13, batch),
        "squeezenet1_0": (models.squeezenet1_0, 224, 13, batch),
        "squeezenet1_1": (models.squeezenet1_1, 224, 11, {}),
        "squeezenet1_1_anysize": (models.squeezenet1_1, 224, 13, anysize),
        "mobilenet_v2": (models.mobilenet_v2, 224, 13, batch),
        "mobilenet_v3_small": (models.mobilenet_v3_small, 224, 14, batch),
        "mobilenet_v3_large_static": (models.mobilenet_v3_large, 224, 12, {}),
        "mnasnet0_5": (models.mnasnet0_5, 224, 13, batch),
        "shufflenet_v2_x0_5": (models.shufflenet_v2_x0_5, 224, 13, batch),
        "efficientnet_b0": (models.efficientnet_b0, 224, 13, batch),
        "efficientnet_v2_s": (models.efficientnet_v2_s, 224, 13, {}),
        "regnet_y_400mf": (models.regnet_y_400mf, 224, 13, batch),
        "regnet_x_400mf": (models.regnet_x_400mf, 224, 15, {}),
        "convnext_tiny": (models.convnext_tiny, 224, 13, batch),
        "convnext_tiny_opset17": (models.convnext_tiny, 224, 17, {}),
        "vit_b_32": (models.vit_b_32, 224, 13, batch),
        "vit_b_32_static": (models.vit_b_32, 224, 17, {}),
        "swin_t": (models.swin_t, 224, 13, {}),
        "swin_t_dynamic": (models.swin_t, 224, 17, batch),
        "swin_v2_t": (models.swin_v2_t, 256, 16, {}),
        "maxvit_t": (lambda **k: models.maxvit_t(input_size=(224, 224), **k), 224, 13, {}),
    }


class Tiny(nn.Module):
    """A small convolutional network; head and end vary."""

    def __init__(self, end, width=24, dropout=0.0):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
            nn.Conv2d(12, width, 3, stride=2, padding=1), nn.ReLU(),
        )
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(width, CLASSES)
        self.end = end

    def forward(self, x):
        f = self.drop(self.body(x).mean((2, 3)))
        return self.end(self.fc(f), f)


class ConvHead(nn.Module):
    """A 1x1 convolution as head, with the order of its end given."""

    def __init__(self, end):
        super().__init__()
        self.body = Tiny(None).body
        self.fc = nn.Conv2d(24, CLASSES, 1)
        self.end = end

    def forward(self, x):
        return self.end(self.fc, self.body(x))


class TokenHead(nn.Module):
    """The head at each of the tokens, whose scores are averaged."""

    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body
        self.fc = nn.Linear(24, CLASSES)

    def forward(self, x):
        return self.fc(self.body(x).flatten(2).transpose(1, 2)).mean(1)


class ScaledCosine(nn.Module):
    """A head without bias on normalised features, with a temperature."""

    scale = 16.0

    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body
        self.fc = nn.Linear(24, CLASSES, bias=False)

    def forward(self, x):
        return self.scale * self.fc(F.normalize(self.body(x).mean((2, 3)), dim=1))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body
        self.up = nn.Sequential(nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(12, 3, 4, 2, 1), nn.Sigmoid())

    def forward(self, x):
        return self.up(self.body(x))


class DenseAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, 48), nn.Sigmoid())

    def forward(self, x):
        return self.net(x.flatten(1)).view(-1, 3, 4, 4)


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body
        self.score = nn.Conv2d(24, CLASSES, 1)

    def forward(self, x):
        return F.interpolate(self.score(self.body(x)), size=x.shape[2:], mode="bilinear", align_corners=False)


class CoarseSegmenter(Segmenter):
    def forward(self, x):
        return self.score(self.body(x))


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body

    def forward(self, x):
        return self.body(x).mean((2, 3))


class TwoTeachers(nn.Module):
    """Two heads on two vectors, averaged, as in a distilled DeiT."""

    def __init__(self):
        super().__init__()
        self.body = Tiny(None).body
        self.one, self.two = nn.Linear(24, CLASSES), nn.Linear(24, CLASSES)

    def forward(self, x):
        y = self.body(x)
        return (self.one(y.mean((2, 3))) + self.two(y.amax((2, 3)))) / 2


def torch_cases():
    """name -> (model, size, opset, output names): small networks with a head"""
    pool = nn.AdaptiveAvgPool2d(1)
    return {
        "torch_log_softmax": (Tiny(lambda y, f: F.log_softmax(y, 1)), 32, 13, ["output"]),
        "torch_softmax": (Tiny(lambda y, f: F.softmax(y, 1)), 32, 13, ["output"]),
        "torch_sigmoid": (Tiny(lambda y, f: torch.sigmoid(y)), 32, 13, ["output"]),
        "torch_argmax": (Tiny(lambda y, f: (y.argmax(1), F.softmax(y, 1))), 32, 13, ["label", "probabilities"]),
        "torch_features_output": (Tiny(lambda y, f: (f, y)), 32, 13, ["embedding", "logits"]),
        "torch_features_last": (Tiny(lambda y, f: (y, f)), 32, 13, ["out0", "out1"]),
        "torch_dropout_kept": (Tiny(lambda y, f: y, dropout=0.3), 32, 13, ["logits"]),
        "torch_conv_then_pool": (ConvHead(lambda fc, x: fc(x).mean((2, 3))), 32, 13, ["logits"]),
        "torch_conv_relu_pool": (ConvHead(lambda fc, x: pool(F.relu(fc(x))).flatten(1)), 32, 13, ["logits"]),
        "torch_pool_then_conv": (ConvHead(lambda fc, x: fc(pool(x)).flatten(1)), 32, 13, ["logits"]),
        "torch_conv_view_mean": (ConvHead(lambda fc, x: fc(x).view(x.size(0), CLASSES, -1).mean(2)), 32, 13, ["logits"]),
        "torch_conv_avgpool": (ConvHead(lambda fc, x: F.avg_pool2d(fc(x), 8).view(x.size(0), -1)), 32, 13, ["logits"]),
        "torch_token_mean": (TokenHead(), 32, 13, ["logits"]),
        "torch_scaled_cosine": (ScaledCosine(), 32, 13, ["logits"]),
    }


def refused_cases():
    """name -> (model, size, output names, words of the reason): no head"""
    return {
        "none_autoencoder": (Autoencoder(), 32, ["recon"], "ConvTranspose"),
        "none_dense_autoencoder": (DenseAutoencoder(), 4, ["recon"], "as many values as the input"),
        "none_segmenter": (Segmenter(), 32, ["scores"], "Resize"),
        "none_coarse_segmenter": (CoarseSegmenter(), 32, ["scores"], "not pooled"),
        "none_backbone": (Backbone(), 32, ["features"], "before any linear layer"),
        "none_two_teachers": (TwoTeachers(), 32, ["logits"], "two linear layers"),
    }


def last_layer(model):
    """The classifier: the last linear layer or 1x1 convolution that is run."""
    return [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1]


def simple_weights(layer):
    """Draws the head's weights from a few values."""
    g = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(VALUES[torch.randint(len(VALUES), p.shape, generator=g)])


def probe(dim):
    """The vector f on which the head's W.f + b is written down."""
    return torch.tensor([((37 * i) % 11 - 5) / 4 for i in range(dim)])


def describe(model, layer, size):
    """What torch says about the head: a forward hook, and the layer itself."""
    seen = {}

    def hook(module, inputs, output):
        seen["in"], seen["out"] = inputs[0].detach(), output.detach()

    handle = layer.register_forward_hook(hook)
    with torch.no_grad():
        out = model(torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1)))
    handle.remove()
    x, conv = seen["in"], isinstance(layer, nn.Conv2d)
    mean = x.flatten(2).mean(2) if conv else x.mean(1) if x.dim() == 3 else x
    with torch.no_grad():
        scale = getattr(model, "scale", 1.0)
        head = lambda f: scale * (layer(f[..., None, None]).flatten(1) if conv else layer(f))
        per_image, on_probe = head(mean), head(probe(mean.shape[1])[None])
    outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o.is_floating_point()]
    exact = any(o.shape == per_image.shape and torch.allclose(o, per_image, atol=1e-4) for o in outs)
    return {
        "layer": type(layer).__name__,
        "dim": mean.shape[1],
        "classes": on_probe.shape[1],
        "input_shape": list(x.shape[1:]),  # without the batch
        "output_is_affine": exact,  # an output of the model equals the layer on the mean input
        "probe_logits": [float(v) for v in on_probe[0]],
    }


def export(model, size, opset, dynamic, outputs, training=False):
    buffer = io.BytesIO()
    x = torch.randn(2 if training else 1, 3, size, size)  # BatchNorm in training needs two
    axes = {"input": dynamic, **{name: {0: "N"} for name in outputs}} if dynamic else None
    mode = torch.onnx.TrainingMode.PRESERVE if training else torch.onnx.TrainingMode.EVAL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, x, buffer, opset_version=opset, input_names=["input"], output_names=outputs,
                          dynamic_axes=axes, training=mode, do_constant_folding=not training)
    return onnx.load_model_from_string(buffer.getvalue())


def zero(g, x):
    """aten::zero, which torch 1.13 cannot export: Swin v2 clears the bias of its keys with it."""
    return g.op("Mul", x, g.op("Constant", value_t=torch.zeros(1)))


def strip(graph):
    """Drops the data of large constants, except those drawn from VALUES."""
    values = set(VALUES.tolist())

    def strip_tensor(t):
        a = numpy_helper.to_array(t)
        if a.size <= KEEP or (a.dtype == "float32" and set(a.reshape(-1)[:200].tolist()) <= values):
            return
        for f in ("raw_data", "float_data", "int64_data", "int32_data", "double_data"):
            t.ClearField(f)

    for t in graph.initializer:
        strip_tensor(t)
    for n in graph.node:
        n.ClearField("doc_string")
        for a in n.attribute:
            if a.type == onnx.AttributeProto.TENSOR:
                strip_tensor(a.t)


def write(name, model, full):
    if full:
        full.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(full / (name + ".onnx")))
    strip(model.graph)
    data = model.SerializeToString()
    with open(OUT / (name + ".onnx.gz"), "wb") as f:
        with gzip.GzipFile(filename="", mode="wb", fileobj=f, mtime=0, compresslevel=9) as z:
            z.write(data)
    print(f"{name}: {len(model.graph.node)} nodes, {(OUT / (name + '.onnx.gz')).stat().st_size} bytes", flush=True)


# Graphs in the manner of other tools, written by hand.


def hand_graph(nodes, weights, outputs, size=32, opset=13, producer="tf2onnx", nhwc=False):
    shape = ["N", size, size, 3] if nhwc else ["N", 3, size, size]
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs],
        [numpy_helper.from_array(w.detach().numpy(), n) for n, w in weights.items()])
    model = helper.make_model(graph, producer_name=producer, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 7
    onnx.checker.check_model(model)
    return model


def hand_cases(fc):
    """name -> (model, features, their shape without the batch): the head is that of the layer fc"""
    N, g = helper.make_node, torch.Generator().manual_seed(3)
    kernel = torch.randn(24, 3, 3, 3, generator=g)
    ints = lambda *v: torch.tensor(v, dtype=torch.int64)
    w, b = fc.weight, fc.bias
    body = [N("Transpose", ["input"], ["nchw"], perm=[0, 3, 1, 2]),
            N("Conv", ["nchw", "kernel"], ["conv"], name="model/conv/Conv2D"),
            N("Relu", ["conv"], ["model/relu"])]
    scores = ("N", CLASSES)
    cases = {}
    # tf2onnx: NHWC, a ReduceMean over the map, MatMul + Add with the weight as dim x classes
    cases["tf_matmul_add"] = (hand_graph(
        body + [N("Transpose", ["model/relu"], ["nhwc"], perm=[0, 2, 3, 1]),
                N("ReduceMean", ["nhwc"], ["model/pool/Mean"], axes=[1, 2], keepdims=0),
                N("MatMul", ["model/pool/Mean", "model/dense/MatMul/ReadVariableOp"], ["model/dense/MatMul"], name="model/dense/MatMul"),
                N("Add", ["model/dense/BiasAdd/ReadVariableOp", "model/dense/MatMul"], ["dense"], name="model/dense/BiasAdd")],
        {"kernel": kernel, "model/dense/MatMul/ReadVariableOp": w.t().contiguous(), "model/dense/BiasAdd/ReadVariableOp": b},
        [("dense", scores)], nhwc=True), "model/pool/Mean", [24])
    # Keras: GlobalAveragePooling, Squeeze, dense, softmax as the only output
    cases["keras_softmax"] = (hand_graph(
        body + [N("GlobalAveragePool", ["model/relu"], ["gap"]),
                N("Squeeze", ["gap", "axes"], ["gap/squeezed"]),
                N("MatMul", ["gap/squeezed", "w"], ["predictions/MatMul"]),
                N("Add", ["predictions/MatMul", "b"], ["predictions/BiasAdd"]),
                N("Softmax", ["predictions/BiasAdd"], ["predictions"])],
        {"kernel": kernel, "w": w.t().contiguous(), "b": b, "axes": ints(2, 3)},
        [("predictions", scores)], nhwc=True), "gap/squeezed", [24])
    # Keras' MobileNet: pooling, 1x1 convolution, reshape, softmax
    cases["keras_conv_reshape"] = (hand_graph(
        body + [N("GlobalAveragePool", ["model/relu"], ["gap"]),
                N("Conv", ["gap", "w", "b"], ["conv_preds"]),
                N("Transpose", ["conv_preds"], ["conv_preds_nhwc"], perm=[0, 2, 3, 1]),
                N("Reshape", ["conv_preds_nhwc", "shape"], ["reshaped"]),
                N("Softmax", ["reshaped"], ["predictions"])],
        {"kernel": kernel, "w": w[:, :, None, None].contiguous(), "b": b, "shape": ints(-1, CLASSES)},
        [("predictions", scores)], nhwc=True, opset=11), "gap", [24, 1, 1])
    # softmax written out, as by older converters
    cases["tf_softmax_parts"] = (hand_graph(
        body + [N("GlobalAveragePool", ["model/relu"], ["gap"]), N("Flatten", ["gap"], ["flat"]),
                N("Gemm", ["flat", "w"], ["scores"]), N("Add", ["scores", "b"], ["logits"]),
                N("ReduceMax", ["logits"], ["max"], axes=[1], keepdims=1), N("Sub", ["logits", "max"], ["shifted"]),
                N("Exp", ["shifted"], ["exp"]), N("ReduceSum", ["exp", "one"], ["sum"], keepdims=1),
                N("Div", ["exp", "sum"], ["probabilities"])],
        {"kernel": kernel, "w": w.t().contiguous(), "b": b, "one": ints(1)},
        [("probabilities", scores)], nhwc=True), "flat", [24])
    # the head stands before nodes of another output, an auxiliary classifier on a shallower tensor
    cases["head_not_last"] = (hand_graph(
        body + [N("Conv", ["model/relu", "deep"], ["deeper"]), N("GlobalAveragePool", ["deeper"], ["gap"]),
                N("Flatten", ["gap"], ["features"]),
                N("Gemm", ["features", "w", "b"], ["main"], transB=1),
                N("GlobalAveragePool", ["model/relu"], ["aux_gap"]), N("Flatten", ["aux_gap"], ["aux_features"]),
                N("Gemm", ["aux_features", "aux_w"], ["second"], transB=1), N("Sigmoid", ["second"], ["other"])],
        {"kernel": kernel, "deep": torch.randn(24, 24, 3, 3, generator=g), "w": w, "b": b, "aux_w": torch.randn(CLASSES, 24, generator=g)},
        [("other", scores), ("main", scores)], nhwc=True), "features", [24])
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    torch.onnx.register_custom_op_symbolic("aten::zero", zero, 9)
    OUT.mkdir(parents=True, exist_ok=True)
    index = OUT / "models.json"
    facts = json.loads(index.read_text()) if args.names and index.exists() else {}
    wanted = lambda name: not args.names or name in args.names

    for name, (make, size, opset, dynamic) in torchvision_cases().items():
        if not wanted(name):
            continue
        torch.manual_seed(0)
        model = make(weights=None, num_classes=CLASSES).eval()
        layer = last_layer(model)
        simple_weights(layer)
        facts[name] = describe(model, layer, size)
        write(name, export(model, size, opset, dynamic, ["output"]), args.full)
        del model

    # The auxiliary heads of training mode, as exported by mistake often enough. GoogLeNet's pool a map
    # of 1/16 of the input to 4x4, which torch 1.13 exports only where 4 divides it: 256, not 224.
    for name, make, size in (("googlenet_aux", models.googlenet, 256), ("inception_v3_aux", models.inception_v3, 299)):
        if wanted(name):
            torch.manual_seed(0)
            model = make(weights=None, init_weights=False, aux_logits=True, num_classes=CLASSES)
            simple_weights(model.fc)
            facts[name] = describe(model.eval(), model.fc, size)
            count = 3 if name == "googlenet_aux" else 2
            write(name, export(model.train(), size, 13, {0: "N"}, [f"out{i}" for i in range(count)], training=True), args.full)

    torch.manual_seed(0)
    for name, (model, size, opset, outputs) in torch_cases().items():
        if wanted(name):
            simple_weights(model.fc)
            facts[name] = describe(model.eval(), model.fc, size)
            model.train(name == "torch_dropout_kept")
            write(name, export(model, size, opset, {0: "N"}, outputs, training=model.training), args.full)

    torch.manual_seed(0)
    fc = nn.Linear(24, CLASSES)
    simple_weights(fc)
    for name, (model, features, shape) in hand_cases(fc).items():
        if wanted(name):
            with torch.no_grad():
                logits = fc(probe(24))
            facts[name] = {"layer": "Linear", "dim": 24, "classes": CLASSES, "output_is_affine": True, "input_shape": shape,
                           "features": features, "probe_logits": [float(v) for v in logits]}
            write(name, model, args.full)

    torch.manual_seed(0)
    for name, (model, size, outputs, reason) in refused_cases().items():
        if wanted(name):
            facts[name] = {"refused": reason}
            write(name, export(model.eval(), size, 13, {0: "N"}, outputs), args.full)

    index.write_text(json.dumps(dict(sorted(facts.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()

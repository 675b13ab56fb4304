"""Small models of timm and transformers with afnlab's activations, through tools that people use.

Needs the extra `ecosystem`. With AFNLAB_ECOSYSTEM set, as in CI, a package that is missing is a
failure. Models are built from configurations; nothing is downloaded.
"""

from __future__ import annotations

import copy
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import activation_sites, replace, undo_replace
from afnlab import nn as ours
from afnlab.autorot import AutoRotLinear, auto_rotate, rotation_plan, undo_rotation

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def needs(name: str) -> ModuleType:
    """A package of the extra; without it the test is skipped, or fails where it has to be there."""
    if name in ("timm", "transformers"):
        _torchvision()
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("AFNLAB_ECOSYSTEM"):
            raise
        pytest.skip(f"{error}; pip install 'afnlab[ecosystem]'")


def _torchvision() -> None:
    """Both import it; its compiled half, built for CUDA, does not load beside a torch without it,
    and then it asks for two operators that nothing here uses."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:
        boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define("torchvision::nms", boxes)
        torch.library.define("torchvision::qnms", boxes)


IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randint(40, (2, 7), generator=torch.Generator().manual_seed(0))


def of_timm(name: str, **options: Any) -> Callable[[], nn.Module]:
    return lambda: needs("timm").create_model(name, num_classes=5, **options)


def of_transformers(name: str, kind: str, **options: Any) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        library = needs("transformers")
        sizes = {"vocab_size": 40, "bos_token_id": 0, "eos_token_id": 1, "use_cache": False}
        config = getattr(library, f"{name}Config")(**sizes, **options)
        config._attn_implementation = "eager"
        return getattr(library, f"{name}{kind}")(config)

    return build


@dataclass(frozen=True)
class Case:
    """A model, its input, and what it computes in how many places."""

    build: Callable[[], nn.Module]
    x: torch.Tensor
    held: tuple[str, int]

    def model(self) -> nn.Module:
        torch.manual_seed(0)
        return self.build().eval()


WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
VIT = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 32, "num_heads": 2}
CASES = {
    "timm ResNet": Case(of_timm("resnet10t"), IMAGES, ("relu", 11)),
    "timm ViT": Case(of_timm("vit_tiny_patch16_224", **VIT), IMAGES, ("gelu", 2)),
    "timm MobileNet": Case(of_timm("mobilenetv3_small_050"), IMAGES, ("hardswish", 19)),
    "BERT": Case(
        of_transformers("Bert", "Model", intermediate_size=48, **WIDE), TOKENS, ("gelu", 2)
    ),
    "GPT-2": Case(
        of_transformers("GPT2", "LMHeadModel", n_embd=32, n_layer=2, n_head=2), TOKENS, ("gelu", 2)
    ),
    "Llama": Case(
        of_transformers("Llama", "Model", intermediate_size=48, **WIDE), TOKENS, ("swish", 2)
    ),
}
every_model = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def output(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = model(x)
    return y if isinstance(y, torch.Tensor) else y[0]


@every_model
def test_replace_and_take_back(case):
    model = case.model()
    before, keys, name = output(model, case.x), list(model.state_dict()), case.held[0]
    held = activation_sites(model, case.x).table
    found = held[(held.how == "module") & held.computes.str.startswith(name)]
    assert len(found) == case.held[1]
    replace(model, name, "apec", example=case.x)
    now = activation_sites(model).table.set_index("place").loc[found.place]
    assert set(now.computes) == {"apec"}
    assert list(now.before) == list(found.type)
    y = output(model, case.x)
    assert not torch.allclose(y, before)
    y.square().mean().backward()
    trained = [p.grad for n, p in model.named_parameters() if n.endswith("alpha")]
    assert all(g is not None and g.isfinite().all() for g in trained)
    assert list(undo_replace(model).state_dict()) == keys
    assert_close(output(model, case.x), before, rtol=0, atol=0)


@every_model
def test_rotate_and_take_back(case):
    model = case.model()
    before = output(model, case.x)
    plan = rotation_plan(model, case.x)
    assert (plan.why != "").all()
    if plan.rotate.any():
        auto_rotate(model, 2.0, example=case.x)
        assert list(rotation_plan(model, case.x).rotate) == list(plan.rotate)
        output(model, case.x).square().mean().backward()
        undo_rotation(model)
    else:
        with pytest.raises(ValueError, match="no layer to rotate"):
            auto_rotate(model, 2.0, example=case.x)
    assert_close(output(model, case.x), before, rtol=0, atol=0)


def test_conv1d_of_transformers_is_a_linear_layer():
    conv1d = needs("transformers.pytorch_utils").Conv1D
    torch.manual_seed(0)
    one = conv1d(5, 4)
    nn.init.normal_(one.bias)
    model = nn.Sequential(one, nn.Tanh(), nn.Linear(5, 2))
    assert list(rotation_plan(model).type) == ["Conv1D", "Linear"]
    linear = nn.Linear(4, 5)
    linear.weight.data, linear.bias.data = one.weight.data.t().clone(), one.bias.data.clone()
    twin = nn.Sequential(linear, nn.Tanh(), copy.deepcopy(model[2]))
    for rows in (2, 40):
        x = torch.randn(rows, 3, 4)
        before = model(x)
        for settings in ({}, {"trainable_L": True, "x_q": 0.7}):
            got = auto_rotate(model, 2.0, **settings)
            want = auto_rotate(twin, 2.0, **settings)
            assert_close(got(x), want(x))
            slopes = [
                torch.autograd.grad(m(x).square().sum(), [m[0].weight, m[0].bias])
                for m in (got, want)
            ]
            assert_close(slopes[0][0], slopes[1][0].t())
            assert_close(slopes[0][1], slopes[1][1])
            undo_rotation(model)
            undo_rotation(twin)
        assert_close(model(x), before, rtol=0, atol=0)
    assert type(one) is conv1d


# Names in configurations


def test_names_in_configurations():
    transformers, timm = needs("transformers"), needs("timm")
    assert "srelu" in afnlab.register(transformers)
    assert {"srelu", "apec"} <= set(afnlab.register(timm))
    afnlab.register(transformers, srelu_narrow=("srelu", {"t": 0.5}))
    for name, t in (("srelu", 2.21), ("srelu_narrow", 0.5)):
        build = of_transformers("Bert", "Model", intermediate_size=48, hidden_act=name, **WIDE)
        found = [m for m in build().modules() if isinstance(m, ours.SReLU)]
        assert [m.t for m in found] == [t] * 2
    model = timm.create_model("resnet10t", act_layer="srelu")
    assert set(activation_sites(model).table.type) == {"afnlab.nn.SReLU"}
    gated = timm.create_model("mobilenetv3_small_050", act_layer="srelu", num_classes=5).eval()
    assert gated(IMAGES).shape == (2, 5)
    assert type(transformers.activations.ACT2FN["gelu"]).__module__ == "transformers.activations"


# Tools


def test_feature_extraction():
    """timm traces the model by torch.fx."""
    timm = needs("timm")
    afnlab.register(timm)
    options = {"act_layer": "apec", "features_only": True}
    plain = timm.create_model("resnet10t", **options).eval()
    traced = timm.create_model("resnet10t", feature_cls="fx", **options).eval()
    assert sum(isinstance(m, ours.APEC) for m in traced.modules()) == 11
    traced.graph_module.load_state_dict(plain.state_dict())
    assert_close(list(traced(IMAGES)), list(plain(IMAGES)))


@pytest.mark.parametrize("name", ["timm ViT", "Llama"])
def test_compile(name):
    case = CASES[name]
    model = replace(case.model(), case.held[0], "srelu", t=1.5)
    want = output(model, case.x)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    assert_close(output(compiled, case.x), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["timm ViT", "GPT-2"])
def test_export_and_onnx(name, tmp_path):
    case, runtime = CASES[name], needs("onnxruntime")
    needs("onnxscript")
    model = replace(case.model(), case.held[0], "apec")
    auto_rotate(model, 2.0, example=case.x)
    want = output(model, case.x).detach()
    exported = torch.export.export(model, (case.x,))
    assert_close(output(exported.module(), case.x), want, rtol=1e-4, atol=1e-5)
    torch.onnx.export(exported, dynamo=True, verbose=False).save(tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    (given,) = session.get_inputs()
    got = torch.from_numpy(session.run(None, {given.name: case.x.numpy()})[0])
    assert_close(got, want, rtol=1e-3, atol=1e-4)


@cache
def alone() -> None:
    """One process is a group too."""
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)


@every_model
def test_sharded(case):
    from torch.distributed.fsdp import fully_shard  # noqa: PLC0415

    alone()
    model = replace(case.model(), case.held[0], "apec")
    twin = fully_shard(copy.deepcopy(model))
    for one in (model, twin):
        output(one, case.x).square().mean().backward()
    for (name, p), own in zip(model.named_parameters(), twin.parameters(), strict=True):
        if p.grad is not None:
            assert_close(own.grad.full_tensor(), p.grad, msg=lambda m, n=name: f"{n}: {m}")


# Quantization

QUANTIZATION = "torch.ao.quantization"  # imported where it is used, since it warns
X = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))


def floats(*, rotated: bool = False, stubs: bool = False) -> nn.Sequential:
    """A chain with our activations; stubs: in eager mode they compute in floats."""
    quantization = importlib.import_module(QUANTIZATION)
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(16, 32)]
    for act in (ours.SReLU(), ours.APEC(std=0.0), ours.PReLU(), ours.Tanh()):
        layers += [quantization.DeQuantStub(), act, quantization.QuantStub()] if stubs else [act]
        layers.append(nn.Linear(32, 32))
    if rotated:
        layers[2] = AutoRotLinear(32, 32, L=2.0)
        layers[2].bias.data += 1.0  # and so rho is moderate
    return nn.Sequential(*layers).eval()


def assert_near(quantized: nn.Module, model: nn.Module) -> None:
    want = model(X)
    assert (quantized(X) - want).abs().max() < 0.1 * want.abs().max()


@pytest.mark.parametrize("rotated", [False, True])
def test_fx_quantization(rotated):
    fx = importlib.import_module(f"{QUANTIZATION}.quantize_fx")
    mapping = importlib.import_module(QUANTIZATION).get_default_qconfig_mapping("x86")
    model = floats(rotated=rotated)
    prepared = fx.prepare_fx(copy.deepcopy(model), mapping, (X,))
    prepared(X)
    quantized = fx.convert_fx(prepared)
    names = [type(m).__name__ for m in quantized.modules()]
    assert names.count("Linear") == 5 - rotated
    assert not any(type(m) is nn.Linear for m in quantized.modules())
    assert sum(isinstance(m, ours.ActivationModule) for m in quantized.modules()) == 4
    assert_near(quantized, model)


def test_eager_quantization():
    quantization = importlib.import_module(QUANTIZATION)
    for training in (False, True):
        model = floats(stubs=True)
        wrapped = quantization.QuantWrapper(copy.deepcopy(model)).train(training)
        if training:
            wrapped.qconfig = quantization.get_default_qat_qconfig("x86")
            quantization.prepare_qat(wrapped, inplace=True)(X).sum().backward()
        else:
            wrapped.qconfig = quantization.get_default_qconfig("x86")
            quantization.prepare(wrapped, inplace=True)(X)
        quantization.convert(wrapped.eval(), inplace=True)
        assert_near(wrapped, model)
    with pytest.raises(TypeError, match=r"srelu: x must be .* got torch.quint8 .*dequantize"):
        ours.SReLU()(torch.quantize_per_tensor(X, 0.1, 0, torch.quint8))


@pytest.mark.parametrize("rotated", [False, True])
def test_pt2e_quantization(rotated):
    needs("torchao")
    of = "torchao.quantization.pt2e"
    prepare = importlib.import_module(f"{of}.quantize_pt2e")
    x86 = importlib.import_module(f"{of}.quantizer.x86_inductor_quantizer")
    model = floats(rotated=rotated)
    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare.prepare_pt2e(torch.export.export(model, (X,)).module(), quantizer)
    prepared(X)
    assert_near(prepare.convert_pt2e(prepared), model)


@pytest.mark.parametrize("how", ["Int8WeightOnlyConfig", "Int8DynamicActivationInt8WeightConfig"])
def test_torchaos_quantize(how):
    quantization = importlib.import_module("torchao.quantization") if needs("torchao") else None
    config = getattr(quantization, how)()

    def quantized(model: nn.Module) -> nn.Module:
        model = copy.deepcopy(model)
        quantization.quantize_(model, config)
        linear = [m for m in model.modules() if isinstance(m, nn.Linear)]
        assert {type(m.weight).__name__ for m in linear} == {"Int8Tensor"}
        return model

    for rotated in (False, True):
        model = floats(rotated=rotated)
        model[2].bias.data += 8.0  # f(x_Q) is far from 0: a small one would amplify the rounding
        assert_near(quantized(model), model)
        assert_near(torch.export.export(quantized(model), (X,)).module(), model)
    plain = floats()[:3]
    plain[0].bias.data += 8.0
    assert_near(auto_rotate(quantized(plain), 2.0), auto_rotate(plain, 2.0))

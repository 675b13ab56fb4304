"""Training: all seeds at once, paired across activations, and equal to a loop over one model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import ceil, sqrt

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from scipy import integrate, stats
from torch import nn
from torch.testing import assert_close

import afnlab
from afnlab import Data, Recipe, Task, get_task
from afnlab.errors import ParameterError
from afnlab.training.data import digits
from afnlab.training.initial import build, generator, stream
from afnlab.training.models import mlp
from afnlab.training.options import resolve
from afnlab.training.plan import pick_device

TASK = get_task("digits-mlp")


def train(activation, task=TASK, **options):
    return afnlab.train(task, activation, **{"epochs": 2, "seeds": 2, "progress": False} | options)


def bits(result) -> pd.DataFrame:
    return result.history.drop(columns="seconds")


class Beside(nn.Module):
    """A linear model whose activations take part in the computation but not in its value."""

    def __init__(self, activation):
        super().__init__()
        self.one, self.other, self.linear = activation(), activation(), nn.Linear(64, 10)

    def forward(self, x):
        return self.linear(x) + 0 * (self.one(x) + self.other(x)).sum(-1, keepdim=True)


@cache
def trained_beside(activation: str, sites: str):
    task = Task("beside", digits, Beside, Recipe(epochs=2, batch_size=64))
    return train(activation, task, params={"sites": sites}, record=["steps"], limit_train=300)


@pytest.mark.parametrize("sites", ["each", "shared"])
@pytest.mark.parametrize("activation", afnlab.list_activations())
def test_every_activation_meets_the_same_weights_and_batches(activation, sites):
    first, other = (trained_beside(a, sites) for a in ("relu", activation))
    pd.testing.assert_frame_equal(first.steps, other.steps, check_exact=True)
    pd.testing.assert_frame_equal(bits(first), bits(other), check_exact=True)


@pytest.mark.parametrize("init", ["source", "gain"])
@pytest.mark.parametrize("sites", ["each", "shared"])
@pytest.mark.parametrize("activation", ["apec", "rrelu", "prelu", "mapec"])
def test_a_network_starts_from_its_seed_alone(activation, sites, init):
    def linear(name, seed):
        record = afnlab.get_activation(name)
        options = resolve(TASK, record, {"sites": sites, "task.init": init})
        model = build(TASK, record, options, seed, digits().train_x)
        factor = afnlab.gain(record) if init == "gain" else 1.0
        layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
        return [m.weight / (factor if i else 1.0) for i, m in enumerate(layers)]

    assert_close(linear(activation, 3), linear("relu", 3))
    assert not torch.equal(linear(activation, 3)[0], linear(activation, 4)[0])


@pytest.mark.parametrize("sites", ["each", "shared"])
@pytest.mark.parametrize("activation", ["srelu", "rrelu", "apec", "prelu", "log_softmax"])
def test_a_member_of_a_stack_equals_its_seed_alone(activation, sites):
    options = {"params": {"sites": sites}, "dtype": "float64", "limit_train": 500}
    together = bits(train(activation, seeds=4, **options))
    alone = bits(train(activation, seeds=[2], **options))
    of_two = together[together.seed == 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_two, alone, rtol=1e-9)
    assert together.groupby("seed").train_loss.first().nunique() == 4


def plain_loop(make_activation, seed, sizes, recipe, epochs):
    """One network, trained as one would without afnlab; rows (train_loss, test_loss, accuracy)."""
    data = digits()
    torch.manual_seed(stream(seed, "network"))
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), make_activation()]
    model = nn.Sequential(*layers[:-1]).double()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay
    )
    order = generator(seed, "batches")
    rows = []
    for _ in range(epochs):
        total = 0.0
        for index in torch.randperm(len(data.train_x), generator=order).split(recipe.batch_size):
            loss = F.cross_entropy(model(data.train_x[index].double()), data.train_y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
        with torch.no_grad():
            logits = model(data.test_x.double())
        right = (logits.argmax(1) == data.test_y).double().mean().item()
        test_loss = F.cross_entropy(logits, data.test_y).item()
        rows.append((total / len(data.train_x), test_loss, right))
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize(
    ("sites", "name"), [("each", "relu"), ("each", "prelu"), ("shared", "prelu")]
)
def test_a_stack_equals_a_plain_loop(sites, name):
    one = nn.PReLU(init=0.25)
    make = {"relu": nn.ReLU, "prelu": (lambda: one) if sites == "shared" else nn.PReLU}[name]
    recipe = Recipe(epochs=3, batch_size=100, lr=3e-3, weight_decay=0.1)
    state = torch.random.get_rng_state()
    expected = plain_loop(make, 1, (64, 64, 32, 10), recipe, 3)
    torch.random.set_rng_state(state)
    params = {"lr": 3e-3, "weight_decay": 0.1, "batch_size": 100, "sites": sites}
    table = train(name, epochs=3, params=params, dtype="float64").history
    columns = ["train_loss", "test_loss", "test_accuracy"]
    got = torch.tensor(table.loc[table.seed == 1, columns].to_numpy())
    assert_close(got, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("activation", ["relu", "rrelu", "apec"])
def test_a_rerun_gives_the_same_bits_and_leaves_torch_alone(activation):
    torch.manual_seed(1)
    first = train(activation, keep_weights=True)
    state = torch.random.get_rng_state()
    second = train(activation, keep_weights=True)
    assert torch.equal(torch.random.get_rng_state(), state)
    pd.testing.assert_frame_equal(bits(first), bits(second), check_exact=True)
    assert_close(first.weights, second.weights, rtol=0, atol=0)


def test_history():
    result = train("srelu", seeds=[7, 3], epochs=3)
    table = result.history
    assert table.columns.tolist() == [
        *("seed", "epoch", "train_loss", "test_loss", "test_accuracy", "seconds", "diverged")
    ]
    assert [*zip(table.seed, table.epoch, strict=True)] == [
        (s, e) for s in (3, 7) for e in (1, 2, 3)
    ]
    assert table.test_accuracy.between(0.2, 1).all()
    assert (table.seconds > 0).all()
    assert not table.diverged.any()
    assert (table.groupby("seed").train_loss.diff().dropna() < 0).all()
    assert result.final.index.tolist() == [3, 7]
    said = repr(result)
    assert said.startswith("<Result digits-mlp srelu: 2 seeds, 3 epochs, test accuracy ")
    assert said.endswith(f" {100 * result.summary().test_accuracy:.2f} %>")
    assert result.summary().test_accuracy == pytest.approx(
        table[table.epoch == 3].test_accuracy.mean()
    )


def test_it_learns():
    assert train("relu", epochs=20, seeds=3).summary().test_accuracy > 0.93


def test_all_seeds_that_diverge_stay():
    result = train("relu", params={"lr": 1e30}, seeds=3)
    assert result.history.diverged.tolist() == [True] * 6
    assert result.summary()[["seeds", "diverged"]].tolist() == [3, 3]


def explodes_at_some_seeds(activation):
    model = mlp(64, 16, 10)(activation)
    if torch.rand(()) < 0.5:
        with torch.no_grad():
            model[0].weight.fill_(3e38)
    return model


def test_a_seed_that_diverges_does_not_disturb_the_others():
    task = Task("half", digits, explodes_at_some_seeds, Recipe(epochs=2, batch_size=64))
    table = train("relu", task, seeds=8).history
    bad = table.groupby("seed").diverged.all()
    assert (table.groupby("seed").diverged.any() == bad).all()
    assert 0 < bad.sum() < 8
    good = [int(s) for s in bad.index[~bad]]
    assert table[~table.diverged].train_loss.notna().all()
    alone = bits(train("relu", task, seeds=good))
    among = bits(train("relu", task, seeds=8)).query("not diverged").reset_index(drop=True)
    pd.testing.assert_frame_equal(among, alone, rtol=1e-5)


class NanOnce(nn.Module):
    """Its very first test loss is nan; nothing else is."""

    def __init__(self, activation):
        super().__init__()
        self.layer, self.activation = nn.Linear(64, 10), activation()
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.steps += 1
            return self.layer(self.activation(x))
        return self.layer(self.activation(x)) + torch.where(self.steps == 1, torch.nan, 0.0)


def test_a_seed_that_diverged_stays_flagged():
    task = Task("once", digits, NanOnce, Recipe(epochs=3, batch_size=2000))
    table = train("relu", task, epochs=3, seeds=1).history
    assert table.test_loss.isna().tolist() == [True, False, False]
    assert table.diverged.tolist() == [True, True, True]


def test_parameters_table():
    result = train("srelu", params={"trainable": True}, record=["parameters"], epochs=3)
    table = result.parameters
    assert table.columns.tolist() == ["seed", "epoch", "site", "parameter", "index", "value"]
    assert len(table) == 2 * 4 * 2  # seeds, epochs 0 to 3, sites
    assert set(table.epoch) == {0, 1, 2, 3}
    assert set(table.site) == {"1", "3"}
    start = table[table.epoch == 0].value
    assert start.to_numpy() == pytest.approx(2.21)
    assert (table[table.epoch == 3].value - 2.21).abs().min() > 1e-4
    assert result.gradients is None
    assert result.steps is None


def test_parameters_of_one_shared_site():
    options = {"params": {"sites": "shared"}, "record": ["parameters"], "keep_weights": True}
    table = (result := train("apec", **options)).parameters
    assert set(table.site) == {"1"}
    assert set(table.parameter) == {"alpha", "beta", "gamma"}
    last = table[table.epoch == 2].pivot(index="seed", columns="parameter", values="value")
    assert_close(torch.tensor(last.beta.to_numpy()).view(-1, 1), result.weights["1.beta"])
    assert train("relu", record=["parameters"]).parameters.empty


def test_gradients_and_steps_tables():
    data = digits()
    result = train("relu", seeds=[4], record=["gradients", "steps"], params={"batch_size": 2000})
    assert result.gradients.columns.tolist() == ["seed", "epoch", "parameter", "norm"]
    assert result.steps.columns.tolist() == ["seed", "step", "train_loss"]
    relu = afnlab.get_activation("relu")
    model = build(TASK, relu, result.options, 4, data.train_x)
    loss = F.cross_entropy(model(data.train_x), data.train_y)
    loss.backward()
    first = result.gradients[result.gradients.epoch == 1].set_index("parameter").norm
    assert set(first.index) == {n for n, _ in model.named_parameters()}
    for name, p in model.named_parameters():
        assert first[name] == pytest.approx(p.grad.norm().item(), rel=1e-4)
    assert result.steps.train_loss[0] == pytest.approx(loss.item(), rel=1e-5)


def test_steps_make_up_the_epochs_loss():
    result = train("relu", record=["steps"], params={"batch_size": 500}, limit_train=1200)
    steps = result.steps
    assert steps.groupby("seed").step.apply(list).tolist() == [[1, 2, 3, 4, 5, 6]] * 2
    sizes = torch.tensor([500.0, 500, 200]) / 1200
    losses = torch.tensor(steps.train_loss.to_numpy().reshape(2, 2, 3), dtype=torch.float32)
    expected = result.history.train_loss.to_numpy().reshape(2, 2)
    assert_close((losses * sizes).sum(-1), torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("sites", ["each", "shared"])
@pytest.mark.parametrize("activation", ["relu", "rrelu", "apec", "softmin"])
def test_kept_weights_give_the_same_accuracy(activation, sites):
    result = train(activation, seeds=[5, 9], params={"sites": sites}, keep_weights=True)
    data = digits()
    for seed in (5, 9):
        model = result.model(seed)
        assert not model.training
        right = (model(data.test_x).argmax(1) == data.test_y).double().mean().item()
        assert right == pytest.approx(result.final.test_accuracy[seed])
    with pytest.raises(ValueError, match=r"seed must be one of \[5, 9\], got 6"):
        result.model(6)


def test_weights_that_were_not_kept(tmp_path):
    result = train("relu", epochs=1)
    with pytest.raises(ValueError, match="keep_weights=True"):
        result.model(0)
    with pytest.raises(ValueError, match="keep_weights=True"):
        result.save_weights(tmp_path / "w.safetensors")


def test_weights_as_safetensors(tmp_path):
    result = train("prelu", seeds=[1, 6], keep_weights=True)
    path = tmp_path / "w.safetensors"
    result.save_weights(path)
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"seeds": "1 6"}
        assert_close({n: file.get_tensor(n) for n in file.keys()}, result.weights)  # noqa: SIM118
    assert result.weights["0.weight"].shape == (2, 64, 64)


@pytest.mark.parametrize(
    ("activation", "bounds"),
    [
        ("apec", {"alpha": (-2, 2), "beta": (-2.5, 2.5), "gamma": (-2.5, -0.25)}),
        ("srelu", {"t": (1e-3, torch.inf)}),
    ],
)
def test_trained_parameters_stay_inside_their_bounds(activation, bounds):
    params = {"trainable": True} if activation == "srelu" else {}
    options = {"record": ["parameters"], "keep_weights": True, "epochs": 4, "seeds": 4}
    result = train(activation, params=params | {"lr": 3.0}, **options)
    table = result.parameters
    at_bound = 0
    for name, (low, high) in bounds.items():
        values = table[table.parameter == name].value
        assert values.between(low, high).all()
        at_bound += int(values.isin([torch.tensor(b).item() for b in (low, high)]).sum())
    assert at_bound  # else the bounds were never tried
    for name, stacked in result.weights.items():
        if (own := name.rpartition(".")[2]) in bounds:
            assert stacked.min() >= bounds[own][0]


def coded(train_count: int = 200, test_count: int = 50, fill: float = 0.0) -> Data:
    """Examples that can be told apart: the first input is the example's number."""
    x = torch.zeros(train_count + test_count, 64)
    x[:, 0] = torch.arange(len(x)) / len(x)
    y = torch.arange(len(x)) % 10
    x[train_count:, 1] = fill
    return Data(x[:train_count], y[:train_count], x[train_count:], y[train_count:])


def test_validation_never_touches_the_test_examples():
    task = replace(TASK, name="nan-test", data=lambda: coded(fill=torch.nan))
    assert train("relu", task).history.diverged.all()
    history = train("relu", task, params={"split": "validation"}).history
    assert not history.diverged.any()
    assert train("relu", task, params={"split": "validation"}).info["evaluated"] == "validation"


def test_validation_is_disjoint_and_always_the_same():
    data = coded()
    held = data.validation()
    assert held.evaluated == "validation"
    kept, out = held.train_x[:, 0].tolist(), held.test_x[:, 0].tolist()
    assert (len(kept), len(out)) == (160, 40)
    assert sorted(kept + out) == data.train_x[:, 0].tolist()
    assert held.test_y.bincount().tolist() == [4] * 10
    assert data.validation().fingerprint == held.fingerprint
    result = train("relu", params={"split": "validation"})
    assert result.info["examples"] == {"train": 1347 - 269, "test": 269}


@pytest.mark.parametrize("activation", ["relu", "srelu", "tanh", "gelu", "swish", "selu", "mapec"])
def test_gain_keeps_the_size_of_pre_activations(activation):
    task = replace(TASK, model=mlp(64, 512, 512, 512, 10))
    record = afnlab.get_activation(activation)
    options = resolve(task, record, {"init": "gain"})
    sizes = torch.zeros(4)
    for seed in range(8):
        x = digits().train_x
        model = build(task, record, options, seed, x)
        pre = []
        for layer in model:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                pre.append(x.square().mean())
        sizes += torch.stack(pre).detach() / 8
    assert_close(sizes, torch.ones(4), rtol=0.2, atol=0)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("tanh", 0.9, 1.1),
        ("sigmoid", 0.8, 1.2),
        ("selu", 0.9, 1.1),
        ("relu", 0.1, 3.0),
        ("srelu", 10, 1000),
        ("gelu", 10, 1000),
        ("swish", 1e4, 1e6),
        ("tanhshrink", 1e32, 2e33),
    ],
)
def test_what_becomes_of_the_gain_in_fifty_layers(name, least, most):
    """As its words have it: some lead back to a mean square of 1, some away from it."""
    record = afnlab.get_activation(name)
    scale, sizes = afnlab.gain(record) / sqrt(400), []
    for seed in range(3):
        draws = torch.Generator().manual_seed(seed)
        z = torch.randn(20, 400, generator=draws)
        for _ in range(50):
            z = record(z) @ torch.randn(400, 400, generator=draws) * scale
        sizes.append(z.double().square().mean().item())
    assert least < sorted(sizes)[1] < most


def test_gain_values():
    assert afnlab.gain(afnlab.get_activation("relu")) == pytest.approx(sqrt(2), rel=1e-6)
    assert afnlab.gain(afnlab.get_activation("leaky_relu"), negative_slope=1) == pytest.approx(1)
    for name in ("srelu", "tanh", "gish", "hardshrink"):
        f = afnlab.get_activation(name)

        def weighted(z, f=f):
            return stats.norm.pdf(z) * f(torch.tensor([z], dtype=torch.float64)).item() ** 2

        mean = integrate.quad(weighted, -10, 10, points=[-2.21, -0.5, 0.5, 2.21], limit=200)[0]
        assert afnlab.gain(f) == pytest.approx(mean**-0.5, rel=1e-4)
    with pytest.raises(ValueError, match="softmin: a gain is defined for elementwise"):
        afnlab.gain(afnlab.get_activation("softmin"))


def test_limits_use_the_first_examples_only():
    def data():
        full = coded()
        full.train_x[100:], full.test_x[20:] = torch.nan, torch.nan
        return full

    task = replace(TASK, name="limited", data=data)
    result = train("relu", task, limit_train=100, limit_test=20)
    assert not result.history.diverged.any()
    assert result.info["examples"] == {"train": 100, "test": 20}
    assert train("relu", task, limit_train=101, limit_test=20).history.diverged.all()


def test_double_precision_and_a_trained_t():
    params = {"trainable": ["t"]}
    result = train("srelu", params=params, dtype="float64", epochs=5, keep_weights=True)
    t = result.weights["1.t"]
    assert t.dtype == torch.float64
    assert ((t - 2.21).abs() > 1e-3).all()
    assert (t >= 1e-3).all()
    assert result.info["dtype"] == "float64"


def own(model, **recipe) -> Task:
    return Task("own", digits, model, Recipe(**{"epochs": 2, "batch_size": 100} | recipe))


def convolution(activation):
    layers = [nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), activation()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(288, 10))


@pytest.mark.parametrize("activation", ["srelu", "prelu", "rrelu"])
def test_an_own_network_with_batch_norm(activation):
    together = train(activation, own(convolution), seeds=3, dtype="float64", keep_weights=True)
    alone = train(activation, own(convolution), seeds=[1], dtype="float64")
    assert together.summary().test_accuracy > 0.5
    among = bits(together).query("seed == 1").reset_index(drop=True)
    pd.testing.assert_frame_equal(among, bits(alone), rtol=1e-7)
    model, data = together.model(1), digits()
    right = (model(data.test_x.double()).argmax(1) == data.test_y).double().mean().item()
    assert right == pytest.approx(together.final.test_accuracy[1])
    steps = ceil(1347 / 100) * 2
    assert together.weights["2.num_batches_tracked"].tolist() == [steps] * 3


@pytest.mark.parametrize("activation", ["relu", "rrelu"])
def test_an_own_network_with_batch_norm_of_vectors(activation):
    def network(new):
        return nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), new(), nn.Linear(16, 10))

    assert train(activation, own(network), epochs=5).summary().test_accuracy > 0.5


def dropout(activation):
    return nn.Sequential(nn.Linear(64, 32), activation(), nn.Dropout(0.3), nn.Linear(32, 10))


def test_an_own_network_with_dropout_gives_the_same_bits_again():
    first, second = (bits(train("relu", own(dropout))) for _ in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_task_in_a_users_file(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "from afnlab import Data, Recipe, Task\n"
        "from torch import nn\n\n"
        "def data():\n"
        "    g = torch.Generator().manual_seed(0)\n"
        "    x = torch.randn(300, 2, generator=g)\n"
        "    y = (x[:, 0] * x[:, 1] > 0).long()\n"
        "    return Data(x[:200], y[:200], x[200:], y[200:])\n\n"
        "def model(activation):\n"
        "    return nn.Sequential(nn.Linear(2, 32), activation(), nn.Linear(32, 2))\n\n"
        "xor = Task('xor', data, model, Recipe(epochs=60, batch_size=50, lr=1e-2))\n"
    )
    result = train("gelu", f"{tmp_path / 'mine.py'}:xor", epochs=None, seeds=3)
    assert result.history.epoch.max() == 60
    assert result.summary().test_accuracy > 0.9
    assert result.info["classes"] == 2


@pytest.mark.parametrize("epochs", [0, -1.5, "3", float("nan"), float("inf")])
def test_a_recipe_without_epochs(epochs):
    task = Task("own", digits, mlp(64, 10), Recipe(epochs=epochs, batch_size=100))
    with pytest.raises(ValueError, match="epochs must be a "):
        afnlab.train(task, "relu", seeds=1)


def test_the_bar_shows_epochs_and_accuracy(capsys):
    import ipykernel.zmqshell  # noqa: F401, PLC0415  (which does not make a notebook of this)

    accuracy = train("relu", epochs=3, progress=True).summary().test_accuracy
    shown = capsys.readouterr().err
    assert "digits-mlp relu: " in shown
    assert "3/3" in shown
    assert f"test accuracy {100 * accuracy:.2f} %" in shown
    train("relu", epochs=1, progress=None)
    train("relu", epochs=1, progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "digits-arp sigmoid: "),
        ({"L": 2.0, "lr": 0.01}, "digits-arp sigmoid(L=2): "),
        ({"auto_rot": False}, "digits-arp sigmoid(auto_rot=False): "),
    ],
)
def test_the_bar_says_which_network_it_is(params, said, capsys):
    given = {"params": params, "seeds": 2, "epochs": 1, "limit_train": 64}
    afnlab.train("digits-arp", "sigmoid", **given, progress=True)
    assert said in capsys.readouterr().err


def test_the_bar_of_a_tuning_says_that_it_validates(capsys):
    among = {"lr": [0.001, 0.01]}
    options = {"seeds": 1, "epochs": 2, "limit_train": 64}
    afnlab.tune("digits-mlp", "relu", among, **options, progress=True)
    tried, _, final = capsys.readouterr().err.partition("test accuracy")
    assert "validation accuracy" in tried
    assert "2/2" in tried
    assert final


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number, 1 or more; got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"limit_train": 0}, "limit_train must be a whole number, 1 or more; got 0"),
        ({"limit_test": True}, "limit_test must be a whole number"),
        ({"dtype": "float16"}, "dtype must be one of float32, float64, bfloat16; got 'float16'"),
        ({"device": "gpu"}, "device 'gpu' is not available"),
        (
            {"record": ["gradient"]},
            "unknown record 'gradient'; did you mean 'gradients'",
        ),
        ({"seeds": 0}, "seeds must be a whole number, 1 or more; got 0"),
        ({"activation": "softmin", "params": {"init": "gain"}}, "softmin: .* elementwise"),
        ({"task": "digit-mlp"}, "unknown task 'digit-mlp'; did you mean 'digits-mlp'"),
        ({"activation": "sreluu"}, "unknown activation 'sreluu'; did you mean 'srelu'"),
    ],
)
def test_arguments_that_are_not_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        train(**{"activation": "relu"} | options)


@pytest.mark.parametrize(
    "device",
    [
        *("meta", "xla", "privateuseone", "hpu", "mkldnn", "lazy", "meta:0", "gpu", "CPU"),
        *("cuda:x", "cpu,", "cpu:-1", " ", "cpu\n", torch.device("meta"), 1.5, ["cpu"]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("here", [True, False])
def test_devices_that_cannot_train_are_refused(device, here):
    with pytest.raises(ParameterError) as told:
        pick_device(device, here)
    assert (told.value.name, told.value.value) == ("device", device)
    assert str(told.value).startswith(f"device {str(device)!r} is not available: it must be auto")
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 160


def test_a_device_of_another_machine():
    assert pick_device("xpu:1", here=False).type == "xpu"
    if not torch.backends.mps.is_available():
        with pytest.raises(ParameterError, match="device 'mps' is not available: ") as told:
            pick_device("mps")
        assert len(str(told.value)) < 160

"""Small networks that learn in the plane while one watches."""

from __future__ import annotations

import time

import ipywidgets as widgets
from traitlets import Bunch

from afnlab.compare.formatting import percent
from afnlab.live.decision_surface import Surfaces
from afnlab.markup import joined
from afnlab.registry import Activation, get_activation
from afnlab.spellings import unknown
from afnlab.training.learner import DEMO, Learner, Setup
from afnlab.training.plane import SHAPES
from afnlab.widgets.animation import Turns
from afnlab.widgets.elements import NARROW, Later, Message, button, row
from afnlab.widgets.model_controls import ModelControls, TrainingControls
from afnlab.widgets.points import OWN, Points
from afnlab.widgets.screen import Screen

PRESETS = {"afnlab": Setup(), "convnetjs-extras demo": DEMO}
PERIOD = 0.06  # seconds from picture to picture that it aims at
SHORTEST = 0.01  # seconds of training to a picture, however long it takes to draw


class Playground(widgets.VBox):
    """The widget that `afnlab.widgets.playground` returns."""

    def __init__(self, activations: tuple[str | Activation, ...], shape: str, preset: str) -> None:
        setup = PRESETS[preset]
        self.held, self.drawing = False, 0.0  # seconds that the last picture took
        self.speed = Speed()
        self.screen = Screen(clickable=True, acknowledged=True)
        self.turns = Turns(self.screen, self._turn, self._ended)
        self.screen.clicked(self._clicked)
        self.message, self.status = Message(), widgets.HTML()
        self.tell = Later(self._tell)
        self._make_controls(activations, shape, preset, setup)
        super().__init__(
            [
                row(*self.buttons, self.training.lr, self.pace, self.preset),
                *(self.points, *self.models, self.message),
                *(self.screen, self.status, self.training),
            ],
            layout={"max_width": "1000px"},
        )
        self.learners = [Learner(one) for one in self.setups()]
        self.scene = Surfaces(self.learners)
        self._draw()

    def _make_controls(
        self, activations: tuple[str | Activation, ...], shape: str, preset: str, setup: Setup
    ) -> None:
        self.play_button = button("Play", self.toggle, "train, or pause", icon="play")
        self.buttons = [
            self.play_button,
            button("Step", self.one_step, "one step", icon="step-forward"),
            button("Reset", self.reset, "the first weights again", icon="refresh"),
        ]
        self.pace = widgets.IntSlider(
            20,
            1,
            100,
            description="steps a picture",
            style=NARROW,
            layout={"width": "300px"},
        )
        self.preset = widgets.Dropdown(
            options=list(PRESETS), value=preset, description="preset", layout={"width": "280px"}
        )
        self.points = Points(shape, setup.low, setup.high)
        second = activations[1] if len(activations) == 2 else activations[0]
        self.models = [
            ModelControls(activations[0], "activation"),
            ModelControls(second, "compare with"),
        ]
        self.both = widgets.Checkbox(
            value=len(activations) == 2, description="second network", indent=False
        )
        self.both.layout.width = "auto"
        self.models[1].children = (
            self.models[1].activation,
            self.both,
            *self.models[1].children[1:],
        )
        self.training = TrainingControls(setup, self.reset, self._retune)
        self.points.observe(lambda _: self._draw(), "value")
        for model in (*self.models, self.both):
            model.observe(lambda _: self.reset(), "value")
        self.preset.observe(self._preset, "value")
        dials = (
            self.points.noise,
            *(m.L for m in self.models),
            self.training.momentum,
            self.training.l2,
        )
        for one in dials:
            one.observe(lambda change: self.message.say(change.new), "problem")

    def setups(self) -> list[Setup]:
        """The networks that the controls ask for; ValueError if they cannot be followed."""
        models = self.models if self.both.value else self.models[:1]
        return [Setup(**self.training.settings(), **model.settings()) for model in models]

    # What a user does.

    def play(self) -> None:
        """Train and draw until `pause`, between the kernel's other work."""
        if self.turns.task is not None:
            return
        self.speed = Speed()
        try:
            self.turns.start()
        except RuntimeError:
            self.message.say("playing needs a running kernel; one_step() needs none")
            return
        self.play_button.description, self.play_button.icon = "Pause", "pause"

    def pause(self) -> None:
        """Stop training; what was learned stays."""
        self.turns.stop()
        self.play_button.description, self.play_button.icon = "Play", "play"

    def toggle(self) -> None:
        """Play if it pauses, else pause."""
        (self.play if self.turns.task is None else self.pause)()

    def one_step(self) -> None:
        """Pause, and take one step."""
        self.pause()
        self._train(1)
        self._draw()

    def reset(self) -> None:
        """New networks from the controls, at their first weights."""
        if self.held:
            return
        with self.message.catching():
            learners = [Learner(one) for one in self.setups()]
            if [_looks(one) for one in learners] != [_looks(one) for one in self.learners]:
                self.scene = Surfaces(learners)
            self.learners = learners
            self._draw()

    def close(self) -> None:
        """Pause, and take the widget away."""
        self.pause()
        super().close()

    # What follows from it.

    def _turn(self) -> bool:
        """Train for a moment and draw; False once nothing can learn any more."""
        self._train(self.pace.value, max(SHORTEST, PERIOD - self.drawing))
        start = time.monotonic()
        self._draw()
        self.drawing = time.monotonic() - start
        return not all(one.diverged for one in self.learners)

    def _ended(self, why: str) -> None:
        if why:
            self.message.say(why)
        self.pause()

    def _train(self, steps: int, seconds: float = 1.0) -> None:
        """So many steps of each network, or fewer where time is up; both take the same number."""
        if not len(self.points.x):
            self.message.say("there are no points to learn: click some onto the plane")
            return
        end = time.monotonic() + seconds
        for _ in range(steps):
            for learner in self.learners:
                learner.step(self.points.x, self.points.y)
            self.speed.steps += 1
            if time.monotonic() > end:
                break
        if any(one.diverged for one in self.learners):
            self.message.say("diverged: the loss is no longer a number; try a lower learning rate")
        elif self.message.value:
            self.message.say()

    def _retune(self) -> None:
        with self.message.catching():
            for learner, setup in zip(self.learners, self.setups(), strict=True):
                learner.retune(setup)

    def _preset(self, change: Bunch) -> None:
        self.held, setup = True, PRESETS[change.new]
        try:
            self.points.move(setup.low, setup.high)
            self.training.show(setup)
            for model in self.models:
                model.activation.value, model.auto_rot.value = str(setup.activation), False
            self.both.value = self.both.value and change.new == "afnlab"
        finally:
            self.held = False
        self.reset()

    def _clicked(self, x: float, y: float, other: bool) -> None:
        self.points.add(x, y, self.points.label(other))

    def _draw(self) -> None:
        for one in self.learners:
            if not one.tests[0] or one.tests[0][-1] != one.steps:
                one.test(*self.points.test)
        self.scene.update(self.learners, self.points.x, self.points.y, self.points.test)
        names = " and ".join(_looks(one)[0] for one in self.learners)
        self.screen.show(self.scene, f"Decision surfaces, losses and pre-activations: {names}")
        self.tell()

    def _tell(self) -> None:
        lines = [f"{len(self.points.x)} points, step {max(one.steps for one in self.learners):,}"]
        if self.turns.task is not None:
            lines[0] += f", {self.speed.now:.0f} steps per second"
        for one in self.learners:
            if one.steps and len(self.points.x):
                right, loss = one.scores(self.points.x, self.points.y)
                line = f"{_looks(one)[0]}: {percent(right, 1)} right, loss {loss:.4f}"
                if one.tests[0]:
                    line += f", test loss {one.tests[1][-1]:.4f}"
                lines.append(line)
        self.status.value = str(joined(lines, " &ensp; "))


class Speed:
    """How many steps a second are taken, since it was made or last asked after a while."""

    WHILE = 1.0  # seconds

    def __init__(self) -> None:
        self.steps, self.start, self.last = 0, time.monotonic(), 0.0

    @property
    def now(self) -> float:
        passed = time.monotonic() - self.start
        if passed > self.WHILE or not self.last:
            self.last = self.steps / max(passed, 1e-9)
        if passed > self.WHILE:
            self.steps, self.start = 0, time.monotonic()
        return self.last


def playground(
    *activations: str | Activation, shape: str = "spirals", preset: str = "afnlab"
) -> Playground:
    """Networks that learn points of the plane while one watches.

    Args:
        *activations: one, or two to compare from the same initial weights and batches; none means
            SReLU and tanh.
        shape: "moons", "circles", "spirals", "xor", or "my own points" for an empty plane.
        preset: "afnlab", or "convnetjs-extras demo", which is 2-16-7-7-7-2 with its rates.

    Returns:
        The widget.

    Raises:
        ValueError: for anything else.
    """
    if len(activations) > 2:
        raise ValueError(f"activations must be one or two, got {len(activations)}")
    if shape not in (*SHAPES, OWN):
        raise ValueError(unknown("shape", shape, (*SHAPES, OWN)))
    if preset not in PRESETS:
        raise ValueError(unknown("preset", preset, PRESETS))
    return Playground(activations or ("srelu", "tanh"), shape, preset)


def _looks(one: Learner) -> tuple:
    """All of a network that the still part of the figure shows."""
    setup = one.setup
    name = get_activation(setup.activation).label
    return (name, setup.auto_rot, len(setup.hidden), setup.low, setup.high)

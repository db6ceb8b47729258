"""A labelled data set in words and numbers: the one origin of a network's number of inputs and of classes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

import numpy as np

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
"""The splits in words."""
LONGEST_NAME = 100
"""Characters of a class's or a feature's name, which go into tables and figures."""


@dataclass(frozen=True)
class DataInfo:
    """A labelled data set, as the attributes of its file describe it.

    Parameters
    ----------
    name
        Name of the data set.
    examples
        Word for its examples, in the plural: ``jets`` or ``examples``.
    input_shape
        Shape of an example as it is stored, e.g. ``(30,)`` or ``(8, 8, 1)``. A dense network sees it flattened.
    features
        Names along the last axis of an example.
    classes
        Names in the order of the class numbers; none where targets are numbers.
    source
        Origin of the examples in words, for captions.
    normalisation
        Attributes of :class:`snacpack.data.normalisation.Normalisation`; empty before it is fitted.
    targets
        Names of the numbers that a network shall give, in the order of its outputs; none where targets are classes.
    target_normalisation
        The same as ``normalisation``, of the targets.
    background
        The classes that networks are trained on where the others are signals, which no training and no normalisation
        sees; none where there is no such difference.
    weighted
        Whether each example has a weight of its own.
    counts
        By split and class the examples, as far as they are known before the data set is there.

    Raises
    ------
    ValueError
        If an example has no numbers, the names do not fit its shape or no table, there are neither two classes nor
        a target, or the background is no part of the classes.
    """

    name: str
    examples: str
    input_shape: tuple[int, ...]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    source: str
    normalisation: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    target_normalisation: Mapping[str, Any] = field(default_factory=dict)
    background: tuple[str, ...] = ()
    weighted: bool = False
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        for name in ("input_shape", "features", "classes", "targets", "background"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if not self.input_shape or min(self.input_shape) < 1:
            raise ValueError(f"an example of {self.name} has the shape {self.input_shape}; it has no numbers")
        if len(self.features) != self.input_shape[-1]:
            raise ValueError(
                f"{self.name} has {len(self.features)} names of features for {self.input_shape[-1]} of them"
            )
        for names in (self.features, self.classes, self.targets):
            wrong = [name for name in names if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME]
            if wrong:
                raise ValueError(
                    f"{self.name} has a class, feature or target with the name {wrong[0][:LONGEST_NAME]!r}; give it "
                    f"one of 1 to {LONGEST_NAME} printable characters"
                )
        if len(self.classes) < 2 and not self.targets:
            raise ValueError(f"{self.name} has {len(self.classes)} classes; a classification needs two or more")
        if self.background and not {*self.background} < {*self.classes}:
            raise ValueError(
                f"the background of {self.name} is {', '.join(self.background)}; its classes are "
                f"{', '.join(self.classes)}, of which one or more must be signal"
            )

    @property
    def n_inputs(self) -> int:
        """Numbers of an example, which are the inputs of a dense network."""
        return prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """Classes or targets, each of which is an output of a network."""
        return len(self.classes) or len(self.targets)

    @property
    def is_background(self) -> np.ndarray:
        """Which classes are background, (n_classes,) bool; none where there is no such difference."""
        return np.isin(self.classes, self.background)

    @property
    def signals(self) -> tuple[str, ...]:
        """The classes beside the background, in their order; none where there is no background."""
        return tuple(name for name in self.classes if name not in self.background) if self.background else ()

    @property
    def scored(self) -> str:
        """The word for the examples that a score is of, which signals are not."""
        return f"{self.examples} of background" if self.background else self.examples

    @property
    def class_labels(self) -> list[str]:
        """Names of the classes for figures; signals are marked."""
        return [f"{name} (signal)" if name in self.signals else name for name in self.classes]

    @property
    def sizes(self) -> dict[str, int]:
        """``n_inputs`` and ``n_outputs``, as networks and search spaces take them."""
        return {"n_inputs": self.n_inputs, "n_outputs": self.n_outputs}

    @property
    def input_names(self) -> list[str]:
        """Name of each number of a flattened example: ``pt_0``, ``eta_0``, ``pt_1`` and so on."""
        places = product(*map(range, self.input_shape[:-1]))
        return ["_".join([name, *map(str, place)]) for place in places for name in self.features]

    def to_attributes(self) -> dict[str, str]:
        """Return the fields as attributes of an HDF5 file."""
        texts = {name: getattr(self, name) for name in ("name", "examples", "source")}
        lists: dict[str, Any] = {name: list(getattr(self, name)) for name in ("input_shape", "features", "classes")}
        lists["normalisation"] = self.normalisation
        if self.targets:
            lists |= {"targets": list(self.targets), "target_normalisation": self.target_normalisation}
        if self.background:
            lists["background"] = list(self.background)
        if self.weighted:
            lists["weighted"] = True
        return texts | {name: json.dumps(value) for name, value in lists.items()}

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "DataInfo":
        """Read the fields from the attributes of an HDF5 file.

        Files of jets say neither a name nor a shape: their examples are stored flat, with a name for each number.
        """
        features = tuple(json.loads(attributes["features"]))
        return cls(
            name=str(attributes.get("name", "jets")),
            examples=str(attributes.get("examples", "jets")),
            input_shape=tuple(json.loads(attributes.get("input_shape", f"[{len(features)}]"))),
            features=features,
            classes=tuple(json.loads(attributes["classes"])),
            source=str(attributes["source"]),
            normalisation=json.loads(attributes["normalisation"]),
            targets=tuple(json.loads(attributes.get("targets", "[]"))),
            target_normalisation=json.loads(attributes.get("target_normalisation", "{}")),
            background=tuple(json.loads(attributes.get("background", "[]"))),
            weighted=json.loads(attributes.get("weighted", "false")),
        )

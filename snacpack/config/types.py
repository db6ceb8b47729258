"""Types of values that several keys share."""

from typing import Annotated, Literal

from pydantic import Field

from snacpack.config.keys import EACH_ONCE, Says

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
"""A fraction that something is always left of."""

Epochs = Annotated[int, Field(ge=1, le=100_000)]
BatchSize = Annotated[int, Field(ge=2, le=65_536)]
Strategy = Literal["latency", "resource"]
ReuseFactor = Annotated[int, Field(ge=1, le=65_536)]

Score = Fraction | Annotated[str, Says("the name of a reference")]
Scheme = Annotated[
    str,
    Field(pattern=r"^w\d{1,2}a\d{1,2}(i\d{1,2})?$"),
    Says("bits of weights and activations such as w8a8, and of inputs where they differ, w6a8i10"),
]

Name = Annotated[str, Field(min_length=1), Says("a name of an array or a column")]
Names = Annotated[
    Name | Annotated[list[Name], Field(min_length=1), EACH_ONCE],
    Says("a name of an array or a column, or a list of different ones"),
]
Path = Annotated[str, Field(min_length=1), Says("a file, or a pattern such as my_data/*.npz")]
Paths = Annotated[
    Path | Annotated[list[Path], Field(min_length=1), EACH_ONCE],
    Says("a file, a pattern such as my_data/*.npz, or a list of them"),
]

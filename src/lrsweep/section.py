"""The base of all settings: a frozen mapping with described keys, and the kinds of numbers and texts that it holds.

Each room declares its own settings; config/params.py puts them together. A key is described by the text under its field: what it
is, then the unit of a number in brackets ([-] for none), then where its value comes from, in parentheses. The comments of
params.yaml, the JSON schema and `lrsweep explain` are made from these texts.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number(value: Any) -> Any:
    """Read 1e-3 as a number: YAML 1.1 takes it for text, YAML 1.2 does not."""
    return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _text(value: str) -> str:
    """Refuse half a surrogate pair, which YAML can spell ("\\ud800") and no file can hold, and NUL."""
    if any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        raise ValueError("text of whole characters, without NUL")
    return value


Real = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Real, Field(gt=0)]
Share = Annotated[Real, Field(ge=0, le=1)]
InnerShare = Annotated[Real, Field(gt=0, lt=1)]
Decay = Annotated[Real, Field(ge=0, lt=1)]
MOST = 100_000  # of what is counted, and
MOST_STEPS = 10**9  # of steps: far above what anyone means, so that more is a mistake and no endless run
Count = Annotated[int, Field(ge=1, le=MOST)]
Several = Annotated[int, Field(ge=2, le=MOST)]
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]
Text = Annotated[str, AfterValidator(_text)]
Texts = Annotated[tuple[Text, ...], Strict(False)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Section(BaseModel):
    """A frozen mapping that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=(), use_attribute_docstrings=True
    )

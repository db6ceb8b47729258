"""HTML from templates, everything escaped, nothing loaded from elsewhere."""

from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

TEMPLATES = Path(__file__).parent / "templates"
_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["breakable"] = _breakable
    return environment


def render(template: str, **context: Any) -> str:
    """Fill a template of this package; strings are escaped unless they are :class:`markupsafe.Markup`."""
    return _environment().get_template(template).render(**context)


def picture(path: str | Path) -> str:
    """Return a PNG or SVG file as a data URI.

    Raises
    ------
    ValueError
        If the file is neither.
    """
    path = Path(path)
    if path.suffix not in _MEDIA_TYPES:
        raise ValueError(f"{path} is not a picture that a page can hold; give a .png or .svg file")
    return f"data:{_MEDIA_TYPES[path.suffix]};base64,{b64encode(path.read_bytes()).decode()}"


def _breakable(text: str) -> Markup:
    # A browser does not break 24-128-32-5 by itself, and a narrow screen needs it.
    escaped = escape(text)
    return Markup(escaped.replace("-", Markup("-<wbr>"))) if text.count("-") > 2 else escaped

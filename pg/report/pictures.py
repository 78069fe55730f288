"""The figures on the page: pictures as data, captions, and links to their files and tables."""

from __future__ import annotations

import io
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pg.experiments.figures.lookup import kind_of, tables_of
from pg.runs.files import REMEDY, UnreadableFile, read_text
from pg.study.record import Study

_FIRST_SENTENCE = re.compile(r".*?\.(?=\s|$)")
_WORDS = {
    "long": "every seed",
    "summary": "intervals",
    "means": "mean curves",
    "tuned": "scores of tuning",
    "across": "statistics across environments",
}


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes
    ----------
    name, section, width
        As declared.
    png
        The bytes of the picture.
    caption
        Its lines.
    links
        Paths relative to the page, by what they are.
    """

    name: str
    section: str
    width: str
    png: bytes
    caption: Sequence[str]
    links: Mapping[str, str]

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    @property
    def finding(self) -> str:
        """The first sentence of the caption, which says what the figure shows."""
        found = _FIRST_SENTENCE.match(self.caption[0])
        return found[0] if found else self.caption[0]

    @property
    def reading(self) -> list[str]:
        """The rest of the caption: how to read the figure."""
        first, *others = self.caption
        return [line for line in (first.removeprefix(self.finding).lstrip(), *others) if line]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return Image.open(io.BytesIO(self.png)).size

    @property
    def data(self) -> str:
        """The picture as the address of an image."""
        return _address(Image.open(io.BytesIO(self.png)))


def pictures_of(study: Study, files: Sequence[str], captions: Sequence[str]) -> list[Picture]:
    """Read the pictures and captions of a study's figures from files, given in declared order."""
    pictures = []
    for (name, figure), file, caption in zip(study.figures.items(), files, captions, strict=True):
        kind = kind_of(figure, study.experiments[figure.experiment])
        links = {figure.format.upper(): f"figures/{name}.{figure.format}", "PNG": f"figures/{name}.png"}
        links |= {_in_words(table): path for table, path in tables_of(figure, kind).items()}
        text = read_text(caption).strip()
        if not text:
            raise UnreadableFile(f"{caption}: is empty; {REMEDY}")
        pictures.append(Picture(name, figure.section, figure.width, _checked(file), text.splitlines(), links))
    return pictures


def _checked(file: str) -> bytes:
    """Return the bytes of a picture."""
    try:
        content = Path(file).read_bytes()
        Image.open(io.BytesIO(content)).verify()
    except (OSError, SyntaxError) as error:
        # Pillow raises a SyntaxError where a PNG is damaged.
        raise UnreadableFile(f"{file}: is damaged: {error}; {REMEDY}") from error
    return content


def _in_words(table: str) -> str:
    name, _, other = table.partition("_of_")
    return f"{_WORDS.get(name, name)}{other and f' of {other}'.replace('_', ' ')}"


def _address(picture: Image.Image) -> str:
    """Return a picture as an address, in a format that loses nothing and takes a fifth less than PNG."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "WEBP", lossless=True)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode('ascii')}"

"""Reads a source text: front matter and a small dialect of Markdown.

Blocks: `#` to `###` headings, paragraphs, `- ` and `1. ` lists, `|` tables with a
header row, `> KIND` call-outs, `!name` drawings and a `\\pagebreak` line.
"""

import dataclasses
import pathlib
import re

NBSP = "\u00a0"
REQUIRED = ("format", "title", "subtitle", "reference", "version", "date", "label")


@dataclasses.dataclass(frozen=True)
class Block:
    """One block; `kind` says which of the other fields are used."""

    kind: str  # heading, paragraph, bullets, numbers, table, callout, drawing, pagebreak
    text: str = ""
    level: int = 0
    items: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclasses.dataclass(frozen=True)
class Source:
    """A whole source text."""

    name: str
    meta: dict[str, str]
    blocks: tuple[Block, ...]


def french(text: str) -> str:
    """Applies French typography: curly apostrophes and no-break spaces."""
    text = text.replace("'", "\u2019")
    text = re.sub(r" ([;:!?»])", NBSP + r"\1", text)
    text = text.replace("« ", "«" + NBSP)
    text = re.sub(r"(\d) (?=\d{3}(?!\d))", r"\1" + NBSP, text)
    return re.sub(r"(\d) (?=(?:€|%|kg|km|m/s|V\b|kVA)(?!\w))", r"\1" + NBSP, text)


def read(path: pathlib.Path) -> Source:
    """Parses one file; raises ValueError naming the file and what is wrong."""
    text = path.read_text(encoding="utf-8")
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0]:
        raise ValueError(f"{path.name}: no front matter between two '---' lines")
    meta = {}
    for line in parts[1].splitlines():
        key, _, value = line.partition(": ")
        meta[key.strip()] = french(value.strip()) if key != "date" else value.strip()
    missing = [key for key in REQUIRED if not meta.get(key)]
    if missing:
        raise ValueError(f"{path.name}: front matter lacks {', '.join(missing)}")
    return Source(path.stem, meta, tuple(_blocks(parts[2])))


def _blocks(body: str):
    for chunk in re.split(r"\n\s*\n", body.strip()):
        yield _block(chunk.strip().splitlines())


def _block(lines: list[str]) -> Block:
    first = lines[0]
    heading = re.match(r"(#{1,3}) (.+)", first)
    if heading:
        return Block("heading", text=french(heading[2]), level=len(heading[1]))
    if first.startswith("|"):
        rows = [tuple(french(cell.strip()) for cell in line.strip("|").split("|")) for line in lines]
        return Block("table", rows=tuple(row for i, row in enumerate(rows) if i != 1))
    if first.startswith("- "):
        return Block("bullets", items=tuple(french(line[2:]) for line in lines))
    if re.match(r"\d+\. ", first):
        return Block("numbers", items=tuple(french(line.split(". ", 1)[1]) for line in lines))
    if first.startswith("> "):
        kind, *rest = (line.removeprefix("> ") for line in lines)
        return Block("callout", text=french(" ".join(rest)), items=(kind,))
    if first.startswith("!"):
        return Block("drawing", text=first[1:])
    if first == "\\pagebreak":
        return Block("pagebreak")
    return Block("paragraph", text=french(" ".join(lines)))

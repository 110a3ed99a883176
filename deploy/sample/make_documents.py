#!/usr/bin/env python3
"""Makes the DOCX and PDF files of the sample company from the texts in sources/.

Usage: make_documents.py            writes documents/*.docx and documents/*.pdf
       make_documents.py --check    fails if a committed file differs from what would be written,
                                    or if a question expects what its document does not say

The HTML, Markdown and text documents are written by hand and live in documents/.
Needs the packages of requirements.txt; the same versions give the same bytes.
"""

import argparse
import pathlib
import sys
import tempfile

from generator import pdf, questions, source, word

HERE = pathlib.Path(__file__).resolve().parent
WRITERS = {"docx": word.write, "pdf": pdf.write}


def make(folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes every generated document into `folder` and returns their paths."""
    made = []
    for path in sorted((HERE / "sources").glob("*.md")):
        text = source.read(path)
        kind = text.meta["format"]
        if kind not in WRITERS:
            raise ValueError(f"{path.name}: format '{kind}' is unknown, use {' or '.join(WRITERS)}")
        target = folder / f"{text.name}.{kind}"
        WRITERS[kind](text, target)
        made.append(target)
    return made


def check() -> int:
    """Compares the committed files with fresh ones; returns the number of differences."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for fresh in make(pathlib.Path(folder)):
            committed = HERE / "documents" / fresh.name
            if not committed.exists() or committed.read_bytes() != fresh.read_bytes():
                print(f"{fresh.name} differs from its source, run make_documents.py", file=sys.stderr)
                wrong += 1
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    if parser.parse_args().check:
        faults = questions.faults(HERE)
        for fault in faults:
            print(fault, file=sys.stderr)
        return 1 if check() or faults else 0
    for path in make(HERE / "documents"):
        print(f"{path.name}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

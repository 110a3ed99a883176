"""Checks questions.jsonl against the documents it refers to."""

import json
import pathlib
import re

STYLES = {"price-table", "badly-worded", "symptom", "exact-code", "procedure", "comparison", "dated", "english", "unanswerable"}
KEYS = {"id", "question", "style", "answerable", "documents", "facts", "demo"}


def faults(root: pathlib.Path) -> list[str]:
    """Lists everything that is wrong, as sentences; empty when all is well."""
    found: list[str] = []
    seen: set[str] = set()
    lines = (root / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    for question in questions:
        name = question.get("id", "?")
        if set(question) - {"demo"} != KEYS - {"demo"}:
            found.append(f"{name}: keys must be {sorted(KEYS)}, only demo may be absent")
            continue
        if name in seen:
            found.append(f"{name}: this id is used twice")
        seen.add(name)
        found.extend(_question(root, question))
    if sum(question.get("demo", False) for question in questions) != 3:
        found.append("exactly three questions must be marked demo")
    return found


def _question(root: pathlib.Path, question: dict):
    name = question["id"]
    if question["style"] not in STYLES:
        yield f"{name}: style '{question['style']}' is unknown"
    if question["answerable"] == (question["style"] == "unanswerable"):
        yield f"{name}: answerable and style contradict each other"
    if question["answerable"] != bool(question["documents"]) or question["answerable"] != bool(question["facts"]):
        yield f"{name}: an answerable question has documents and facts, the others have none"
    for document in question["documents"]:
        if not (root / "documents" / document).exists():
            yield f"{name}: document {document} does not exist"
            return
    for fact in question["facts"]:
        if _plain(fact) not in _plain(_text(root, question["documents"][0])):
            yield f"{name}: '{fact}' is not in {question['documents'][0]}"


def _text(root: pathlib.Path, document: str) -> str:
    """The document's text; a generated one is read from its source."""
    source = root / "sources" / (pathlib.Path(document).stem + ".md")
    path = source if document.endswith((".docx", ".pdf")) else root / "documents" / document
    return path.read_text(encoding="utf-8")


def _plain(text: str) -> str:
    text = re.sub(r"<[^>]+>", " ", text.replace("&nbsp;", " ")).replace("**", "")
    return re.sub(r"\s+", " ", text.replace("\u2019", "'")).casefold()

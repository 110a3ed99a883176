"""Writes a source text as a PDF file whose bytes depend on nothing but the text."""

import pathlib

from reportlab.graphics import renderPDF
from reportlab.lib.colors import HexColor, white
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import cm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate, CondPageBreak, Flowable, Frame, KeepTogether, ListFlowable, ListItem, NextPageTemplate,
    PageBreak, PageTemplate, Paragraph, Spacer, Table, TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

from . import drawing
from .source import Block, Source

COMPANY = "Bastiral Location"
ADDRESS = "14 rue des Tuileries-Neuves, ZA des Grands Prés, 38999 Saint-Aubert-sur-Varèze"
ORANGE, SLATE, PALE = HexColor("#b4530a"), HexColor("#2b3640"), HexColor("#f3ede7")
WIDTH, HEIGHT = A4
MARGIN = 2.2 * cm
BODY_WIDTH = WIDTH - 2 * MARGIN


def write(source: Source, target: pathlib.Path) -> None:
    """Renders `source` to `target`."""
    fonts = _fonts(embedded=source.meta.get("cover") != "true")
    document = _Document(source, fonts, str(target))
    story = _cover(source, document.styles) if source.meta.get("cover") == "true" else _opening(source, document.styles)
    for block in source.blocks:
        story.extend(_flow(block, document.styles, fonts))
    document.multiBuild(story, canvasmaker=_numbered(source, fonts))


def _fonts(embedded: bool) -> tuple[str, str]:
    """Names the (regular, bold) fonts: the standard ones, or ones embedded in the file."""
    if not embedded:
        return "Helvetica", "Helvetica-Bold"
    for name, file in (("Vera", "Vera.ttf"), ("VeraBd", "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, file))
    return "Vera", "VeraBd"


def _styles(fonts: tuple[str, str]) -> dict[str, ParagraphStyle]:
    regular, bold = fonts
    # Vera is wide: one point less gives the same measure.
    size = 10 if regular == "Helvetica" else 8.6
    body = ParagraphStyle("body", fontName=regular, fontSize=size, leading=size * 1.42, spaceAfter=6, textColor=SLATE, alignment=TA_LEFT)
    make = lambda name, **change: ParagraphStyle(name, parent=body, **change)  # noqa: E731
    return {
        "body": body,
        "h1": make("h1", fontName=bold, fontSize=size + 6, leading=size + 10, textColor=ORANGE, spaceBefore=16, spaceAfter=8, keepWithNext=1),
        "h2": make("h2", fontName=bold, fontSize=size + 2, leading=size + 6, spaceBefore=10, spaceAfter=4, keepWithNext=1),
        "h3": make("h3", fontName=bold, keepWithNext=1),
        "cell": make("cell", fontSize=size - 1, leading=(size - 1) * 1.3, spaceAfter=0),
        "head": make("head", fontName=bold, fontSize=size - 1, leading=(size - 1) * 1.3, spaceAfter=0, textColor=white),
        "call": make("call", spaceAfter=0),
        "cover": make("cover", fontName=bold, fontSize=30, leading=36, spaceAfter=14),
        "sub": make("sub", fontSize=size + 5, leading=size + 10, textColor=ORANGE, spaceAfter=14),
        "toc1": make("toc1", fontName=bold, leftIndent=0, spaceAfter=0, leading=size + 1),
        "toc2": make("toc2", leftIndent=14, spaceAfter=0, fontSize=size - 0.5, leading=size + 1),
    }


class _Document(BaseDocTemplate):
    """A4 with our frame; reports each heading to the table of contents and the outline."""

    def __init__(self, source: Source, fonts: tuple[str, str], path: str):
        meta = source.meta
        super().__init__(
            path, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=2.7 * cm, bottomMargin=2.2 * cm,
            title=f"{meta['title']} – {meta['subtitle']}", author=COMPANY, subject=meta["reference"], lang="fr-FR", invariant=1,
        )
        self.styles = _styles(fonts)
        frame = Frame(MARGIN, 2.2 * cm, BODY_WIDTH, HEIGHT - 4.9 * cm, id="body", leftPadding=0, rightPadding=0)
        self.addPageTemplates([PageTemplate("body", [frame])])
        self._headings = 0

    def beforeDocument(self):
        self._headings = 0

    def afterFlowable(self, flowable: Flowable):
        level = {"h1": 0, "h2": 1}.get(getattr(getattr(flowable, "style", None), "name", None))
        if level is None:
            return
        self._headings += 1
        key = f"h{self._headings}"
        text = flowable.getPlainText()
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(text, key, level)
        self.notify("TOCEntry", (level, text, self.page, key))


def _numbered(source: Source, fonts: tuple[str, str]):
    """Returns a canvas class that draws header and footer once the page count is known."""

    class Numbered(Canvas):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self._pages: list[dict] = []

        def showPage(self):
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self):
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                if number > 1 or source.meta.get("cover") != "true":
                    _decorate(self, source, fonts, number, len(self._pages))
                super().showPage()
            super().save()

    return Numbered


def _decorate(canvas: Canvas, source: Source, fonts: tuple[str, str], number: int, total: int) -> None:
    regular, bold = fonts
    top = HEIGHT - 1.7 * cm
    renderPDF.draw(drawing.logo(18), canvas, MARGIN, top - 4)
    canvas.setFillColor(ORANGE)
    canvas.setFont(bold, 9)
    canvas.drawString(MARGIN + 24, top + 2, COMPANY.upper())
    canvas.setFillColor(SLATE)
    canvas.setFont(regular, 8)
    canvas.drawRightString(WIDTH - MARGIN, top + 2, source.meta["subtitle"])
    canvas.setStrokeColor(ORANGE)
    canvas.setLineWidth(0.8)
    canvas.line(MARGIN, top - 8, WIDTH - MARGIN, top - 8)
    canvas.line(MARGIN, 1.6 * cm, WIDTH - MARGIN, 1.6 * cm)
    canvas.setFont(regular, 7.5)
    canvas.drawString(MARGIN, 1.2 * cm, f"{source.meta['reference']} – {source.meta['label']} – Assistance : 04 65 71 20 99")
    canvas.drawRightString(WIDTH - MARGIN, 1.2 * cm, f"Page {number} / {total}")


def _cover(source: Source, styles) -> list[Flowable]:
    toc = TableOfContents(levelStyles=[styles["toc1"], styles["toc2"]], dotsMinLevel=0)
    meta = source.meta
    return [
        NextPageTemplate("body"), Spacer(1, 6 * cm), drawing.logo(64), Spacer(1, 1 * cm),
        Paragraph(meta["title"], styles["cover"]), Paragraph(meta["subtitle"], styles["sub"]),
        Paragraph(f"{meta['reference']} – {meta['label']}", styles["body"]), Spacer(1, 6 * cm),
        Paragraph(f"<b>{COMPANY}</b><br/>{ADDRESS}<br/>Assistance technique : 04 65 71 20 99, tous les jours de 6 h 00 à 20 h 00", styles["body"]),
        PageBreak(), Paragraph("Sommaire", styles["h3"]), Spacer(1, 8), toc, PageBreak(),
    ]


def _opening(source: Source, styles) -> list[Flowable]:
    meta = source.meta
    return [
        Paragraph(meta["title"], ParagraphStyle("title", parent=styles["cover"], fontSize=20, leading=26, spaceAfter=4)),
        Paragraph(meta["subtitle"], styles["sub"]),
        Paragraph(f"{meta['reference']} – {meta['label']}. {COMPANY}, {ADDRESS}.", styles["body"]), Spacer(1, 8),
    ]


def _flow(block: Block, styles, fonts) -> list[Flowable]:
    if block.kind == "heading":
        # keepWithNext does not hold before a list, which may split: ask for room instead.
        return [CondPageBreak(5 * cm if block.level == 1 else 3 * cm), Paragraph(block.text, styles[f"h{block.level}"])]
    if block.kind == "paragraph":
        return [Paragraph(block.text, styles["body"])]
    if block.kind in ("bullets", "numbers"):
        return [_list(block, styles, fonts), Spacer(1, 6)]
    if block.kind == "table":
        return [_table(block.rows, styles), Spacer(1, 10)]
    if block.kind == "callout":
        return [KeepTogether([_callout(block, styles, fonts)]), Spacer(1, 10)]
    if block.kind == "drawing":
        return [drawing.figure(block.text, fonts[0]), Spacer(1, 8)]
    return [PageBreak()]


def _list(block: Block, styles, fonts) -> ListFlowable:
    kind = {"bulletType": "1", "bulletFormat": "%s."} if block.kind == "numbers" else {"bulletType": "bullet", "start": "•"}
    items = [ListItem(Paragraph(item, styles["body"]), spaceAfter=0) for item in block.items]
    return ListFlowable(items, leftIndent=16, bulletFontName=fonts[0], bulletFontSize=styles["body"].fontSize, bulletColor=ORANGE, **kind)


def _table(rows, styles) -> Table:
    widths = _widths(rows, styles["head"])
    cells = [[Paragraph(text, styles["head" if i == 0 else "cell"]) for text in row] for i, row in enumerate(rows)]
    table = Table(cells, colWidths=widths, repeatRows=1)
    table.setStyle(TableStyle([
        ("BACKGROUND", (0, 0), (-1, 0), SLATE), ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, PALE]),
        ("GRID", (0, 0), (-1, -1), 0.4, HexColor("#c9c2ba")), ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 4), ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]))
    return table


def _widths(rows, style: ParagraphStyle) -> list[float]:
    """Shares the page width by the longest cells, but never breaks a word."""
    columns = list(zip(*rows, strict=True))
    measure = lambda text: pdfmetrics.stringWidth(text, style.fontName, style.fontSize)  # noqa: E731
    least = [14 + max(measure(word) for cell in column for word in cell.split(" ") or [""]) for column in columns]
    wished = [min(max(len(cell) for cell in column), 44) for column in columns]
    rest = BODY_WIDTH - sum(least)
    return [low + rest * wish / sum(wished) for low, wish in zip(least, wished, strict=True)]


def _callout(block: Block, styles, fonts) -> Table:
    kind = block.items[0]
    colour = HexColor("#b3261e") if kind == "DANGER" else HexColor("#c77700")
    text = f'<font name="{fonts[1]}" color="{colour.hexval().replace("0x", "#")}">{kind}</font><br/>{block.text}'
    table = Table([[Paragraph(text, styles["call"])]], colWidths=[BODY_WIDTH])
    table.setStyle(TableStyle([
        ("BACKGROUND", (0, 0), (-1, -1), PALE), ("LINEBEFORE", (0, 0), (0, -1), 4, colour),
        ("LEFTPADDING", (0, 0), (-1, -1), 12), ("TOPPADDING", (0, 0), (-1, -1), 8), ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
    ]))
    return table

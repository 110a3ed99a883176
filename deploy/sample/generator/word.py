"""Writes a source text as a DOCX file whose bytes depend on nothing but the text."""

import datetime
import io
import pathlib
import zipfile

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_TAB_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from .source import Block, Source

COMPANY = "Bastiral Location"
ORANGE = RGBColor(0xB4, 0x53, 0x0A)
SLATE = RGBColor(0x2B, 0x36, 0x40)


def write(source: Source, target: pathlib.Path) -> None:
    """Renders `source` to `target`."""
    document = docx.Document()
    _prepare(document, source)
    _title(document, source)
    for block in source.blocks:
        _add(document, block)
    buffer = io.BytesIO()
    document.save(buffer)
    target.write_bytes(_repack(buffer.getvalue()))


def _repack(data: bytes) -> bytes:
    """Rewrites the archive in name order with a fixed time, so that builds compare equal."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        # OPC readers expect the content types first.
        names = sorted(old.namelist(), key=lambda name: (name != "[Content_Types].xml", name))
        for name in names:
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            new.writestr(info, old.read(name))
    return out.getvalue()


def _prepare(document, source: Source) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin, section.bottom_margin = Cm(2.4), Cm(2.0)
    normal = document.styles["Normal"]
    _font(normal, "Calibri", 10.5, None)
    normal.paragraph_format.space_after = Pt(6)
    normal.element.rPr.append(_element("w:lang", val="fr-FR"))
    for level, size in ((1, 13), (2, 11.5), (3, 10.5)):
        style = document.styles[f"Heading {level}"]
        _font(style, "Calibri", size, ORANGE if level == 1 else SLATE)
        style.paragraph_format.space_before = Pt(14 if level == 1 else 8)
        style.paragraph_format.space_after = Pt(4)
    title = document.styles["Title"]
    _font(title, "Calibri", 22, SLATE)
    title.element.pPr.remove(title.element.pPr.find(qn("w:pBdr")))
    _properties(document, source)
    _header_and_footer(section, source)


def _font(style, name: str, size: float, colour) -> None:
    style.font.name, style.font.size = name, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for key in [key for key in fonts.attrib if key.endswith("Theme")]:
        del fonts.attrib[key]
    for slot in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(slot), name)
    if colour is not None:
        style.font.color.rgb = colour


def _properties(document, source: Source) -> None:
    day = datetime.datetime.fromisoformat(source.meta["date"])
    core = document.core_properties
    core.title, core.subject = source.meta["title"], source.meta["reference"]
    core.author = core.last_modified_by = COMPANY
    core.comments, core.language = "", "fr-FR"
    core.created = core.modified = day
    core.revision = int(source.meta["version"])


def _header_and_footer(section, source: Source) -> None:
    # Normal instead of the template's Header and Footer, whose tab stops fit another page width.
    header, footer = section.header.paragraphs[0], section.footer.paragraphs[0]
    for paragraph in (header, footer):
        paragraph.style = "Normal"
        paragraph.paragraph_format.tab_stops.add_tab_stop(Cm(16.6), WD_TAB_ALIGNMENT.RIGHT)
    name = header.add_run(COMPANY.upper())
    name.bold, name.font.color.rgb = True, ORANGE
    header.add_run(f"\t{source.meta['title']}").font.size = Pt(9)
    _insert_border(header)
    footer.add_run(f"{source.meta['reference']} – {source.meta['label']}\tPage ").font.size = Pt(8)
    _field(footer, "PAGE")
    footer.add_run(" / ").font.size = Pt(8)
    _field(footer, "NUMPAGES")


def _insert_border(paragraph) -> None:
    border = OxmlElement("w:pBdr")
    border.append(_element("w:bottom", val="single", sz="8", space="4", color="B4530A"))
    # The schema wants the border before the tab stops.
    paragraph._p.pPr.find(qn("w:tabs")).addprevious(border)


def _title(document, source: Source) -> None:
    document.add_paragraph(source.meta["title"], style="Title")
    run = document.add_paragraph().add_run(source.meta["subtitle"])
    run.font.size, run.font.color.rgb = Pt(12), ORANGE
    document.add_paragraph().add_run(
        f"Référence {source.meta['reference']}. {source.meta['label']}."
    ).italic = True


def _add(document, block: Block) -> None:
    if block.kind == "heading":
        document.add_heading(block.text, block.level)
    elif block.kind == "paragraph":
        document.add_paragraph(block.text)
    elif block.kind == "bullets":
        for item in block.items:
            document.add_paragraph(item, style="List Bullet")
    elif block.kind == "numbers":
        # Typed numbers, as many offices do: a shared numbered style would go on counting.
        for number, item in enumerate(block.items, 1):
            paragraph = document.add_paragraph(f"{number}.\t{item}")
            paragraph.paragraph_format.left_indent = Cm(0.9)
            paragraph.paragraph_format.first_line_indent = Cm(-0.6)
            paragraph.paragraph_format.tab_stops.add_tab_stop(Cm(0.9))
    elif block.kind == "table":
        _table(document, block.rows)
    elif block.kind == "pagebreak":
        document.add_page_break()
    else:
        raise ValueError(f"a DOCX source cannot hold a '{block.kind}' block")


def _table(document, rows) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for index, row in enumerate(rows):
        properties = table.rows[index]._tr.get_or_add_trPr()
        properties.append(OxmlElement("w:cantSplit"))
        if index == 0:
            properties.append(OxmlElement("w:tblHeader"))
        for cell, text in zip(table.rows[index].cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(2)
            paragraph.paragraph_format.space_before = Pt(2)
            run = paragraph.add_run(text)
            run.font.size = Pt(9.5)
            if index == 0:
                run.bold, run.font.color.rgb = True, RGBColor(0xFF, 0xFF, 0xFF)
                cell._tc.get_or_add_tcPr().append(
                    _element("w:shd", val="clear", color="auto", fill="2B3640")
                )
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _element(tag: str, **attributes):
    element = OxmlElement(tag)
    for key, value in attributes.items():
        element.set(qn(f"w:{key}"), value)
    return element


def _field(paragraph, code: str) -> None:
    field = _element("w:fldSimple", instr=code)
    run = paragraph.add_run("1")
    run.font.size = Pt(8)
    field.append(run._r)
    paragraph._p.append(field)

"""Draws the few vector figures of the sample documents."""

from reportlab.graphics.shapes import Circle, Drawing, Line, Polygon, Rect, String
from reportlab.lib.colors import HexColor, white

ORANGE, SLATE, GREY = HexColor("#b4530a"), HexColor("#2b3640"), HexColor("#8a949c")

LEGEND = (
    "1  Châssis et batteries de traction",
    "2  Tourelle et pupitre au sol (capot droit)",
    "3  Bras inférieur",
    "4  Bras supérieur",
    "5  Pendulaire",
    "6  Panier, pupitre et points d\u2019ancrage",
)


def figure(name: str, font: str) -> Drawing:
    """Returns the figure called `name`; raises KeyError when there is none."""
    return {"nacelle": _boom_lift}[name](font)


def logo(size: float) -> Drawing:
    """Returns the company's mark, a bucket in a square, `size` points wide."""
    drawing = Drawing(size, size)
    unit = size / 20
    drawing.add(Rect(0, 0, size, size, rx=3 * unit, ry=3 * unit, fillColor=ORANGE, strokeColor=None))
    bucket = [4, 13, 16, 13, 14, 6, 12, 4.5, 10.5, 6, 9, 4.5, 7.5, 6, 6, 4.5]
    drawing.add(Polygon([v * unit for v in bucket], fillColor=white, strokeColor=None))
    drawing.add(Line(5 * unit, 16 * unit, 15 * unit, 16 * unit, strokeColor=white, strokeWidth=1.4 * unit))
    return drawing


def _boom_lift(font: str) -> Drawing:
    drawing = Drawing(460, 190)
    drawing.add(Line(10, 14, 300, 14, strokeColor=GREY, strokeWidth=1))
    drawing.add(Rect(40, 26, 110, 24, rx=4, ry=4, fillColor=SLATE, strokeColor=None))
    for centre in (60, 130):
        drawing.add(Circle(centre, 26, 12, fillColor=HexColor("#555b60"), strokeColor=white))
    drawing.add(Rect(62, 50, 64, 22, rx=3, ry=3, fillColor=ORANGE, strokeColor=None))
    arms = ((112, 66, 64, 118, 7), (64, 118, 208, 158, 6), (208, 158, 240, 128, 4))
    for x1, y1, x2, y2, width in arms:
        drawing.add(Line(x1, y1, x2, y2, strokeColor=ORANGE, strokeWidth=width))
    for x, y in ((112, 66), (64, 118), (208, 158)):
        drawing.add(Circle(x, y, 4, fillColor=SLATE, strokeColor=white))
    drawing.add(Rect(238, 100, 36, 8, fillColor=SLATE, strokeColor=None))
    for x in (239, 256, 273):
        drawing.add(Line(x, 108, x, 136, strokeColor=SLATE, strokeWidth=1.5))
    drawing.add(Line(239, 136, 273, 136, strokeColor=SLATE, strokeWidth=2))
    for number, x, y in ((1, 162, 36), (2, 46, 64), (3, 74, 88), (4, 130, 150), (5, 236, 152), (6, 286, 118)):
        drawing.add(Circle(x, y, 7, fillColor=white, strokeColor=SLATE))
        drawing.add(String(x, y - 3, str(number), fontName=font, fontSize=8, textAnchor="middle"))
    for index, line in enumerate(LEGEND):
        drawing.add(String(310, 150 - 17 * index, line, fontName=font, fontSize=8, fillColor=SLATE))
    return drawing

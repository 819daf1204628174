"""Shrink a PNG of a chart to a quarter: 256 colours instead of 16 million, so that mail programs keep it.

The renderer writes 8-bit RGBA without interlacing. https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGBA = 6
_COLOURS = 256
_Colour = tuple[int, int, int]


def small(png: bytes) -> bytes:
    """Reduce a PNG on a white ground to its 256 most frequent colours; any other kind of PNG stays as it is."""
    parts = list(_chunks(png))
    width, height, depth, kind, _, _, interlacing = struct.unpack(">IIBBBBB", parts[0][1])
    if (depth, kind, interlacing) != (8, _RGBA, 0):
        return png
    data = zlib.decompress(b"".join(content for name, content in parts if name == b"IDAT"))
    pixels = [pixel for row in _rows(data, width * 4, height) for pixel in struct.iter_unpack("4B", row)]
    seen = Counter(pixels)
    on_white = {pixel: _on_white(*pixel) for pixel in seen}
    often: Counter[_Colour] = Counter()
    for pixel, times in seen.items():
        often[on_white[pixel]] += times
    palette = [colour for colour, _ in often.most_common(_COLOURS)]
    known = {colour: number for number, colour in enumerate(palette)}
    place = {pixel: known.get(colour, _nearest(colour, palette)) for pixel, colour in on_white.items()}
    numbers = bytes(place[pixel] for pixel in pixels)
    # Filter 0 before each row: the numbers as they are.
    lines = b"".join(b"\0" + numbers[start : start + width] for start in range(0, len(numbers), width))
    return _SIGNATURE + b"".join(
        _chunk(name, content)
        for name, content in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", b"".join(map(bytes, palette))),
            (b"IDAT", zlib.compress(lines, 9)),
            (b"IEND", b""),
        )
    )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _rows(data: bytes, size: int, height: int) -> Iterator[bytes]:
    """Rows of pixels, each predicted from the bytes to the left and above. https://www.w3.org/TR/png-3/#9Filters"""
    above = bytes(size)
    for start in range(0, (size + 1) * height, size + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + size])
        for at in range(size) if kind else ():
            left, corner = (row[at - 4], above[at - 4]) if at >= 4 else (0, 0)
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 255
        above = bytes(row)
        yield above


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) // 2
    # Paeth: whichever is nearest to left + above - corner.
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner


def _on_white(red: int, green: int, blue: int, alpha: int) -> _Colour:
    rest = 255 - alpha
    return (red * alpha // 255 + rest, green * alpha // 255 + rest, blue * alpha // 255 + rest)


def _nearest(colour: _Colour, palette: list[_Colour]) -> int:
    return min(
        range(len(palette)),
        key=lambda number: sum((one - other) ** 2 for one, other in zip(colour, palette[number], strict=True)),
    )

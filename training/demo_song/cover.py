"""The cover: a quiet studio at night, two lit faders, a window with a few lights of the town."""

import io

import numpy as np
import score
from PIL import Image, ImageDraw, ImageFilter

SIZE = 600
SCALE = 2
BACKGROUND = (0x14, 0x16, 0x1A)
CORAL = (0xFF, 0x7F, 0x70)
TEAL = (0x3C, 0xCB, 0xB9)
MAX_BYTES = 40_000


def draw_cover() -> bytes:
    """Draw the cover and return it as a JPEG."""
    rng = np.random.default_rng(score.SEED + 9)
    side = SIZE * SCALE
    image = Image.new("RGB", (side, side), BACKGROUND)
    _shade(image)
    _window(image, rng)
    _desk(image)
    image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    for quality in range(92, 50, -4):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True, subsampling=0)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()


def _shade(image: Image.Image) -> None:
    """Lay a slow brightening over the wall, dithered so that it does not band."""
    side = image.width
    y, x = np.mgrid[0:side, 0:side] / side
    light = 10 * np.exp(-(((x - 0.5) / 0.6) ** 2 + ((y - 0.35) / 0.45) ** 2))
    tint = np.stack([light * 0.8, light * 0.95, light * 1.3], axis=2)
    pixels = np.asarray(image, float) + tint
    image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def _glow(image: Image.Image, box: tuple, colour: tuple, radius: float, strength: float) -> None:
    layer = Image.new("L", image.size, 0)
    ImageDraw.Draw(layer).rounded_rectangle(box, radius=20, fill=int(255 * strength))
    layer = layer.filter(ImageFilter.GaussianBlur(radius))
    lit = np.asarray(layer, float)[:, :, None] / 255 * np.array(colour)
    pixels = 255 - (255 - np.asarray(image, float)) * (255 - lit) / 255
    image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def _window(image: Image.Image, rng: np.random.Generator) -> None:
    """A wide window: dusk sky, a low moon, roofs with a few lit panes."""
    side = image.width
    left, top, right, bottom = (int(side * k) for k in (0.16, 0.11, 0.84, 0.47))
    height = bottom - top
    rows = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - rows) * np.array([24, 29, 42]) + rows * np.array([52, 47, 60])
    sky = np.broadcast_to(sky, (height, right - left, 3))
    view = Image.fromarray(sky.astype(np.uint8))
    pen = ImageDraw.Draw(view)
    for _ in range(26):
        x, y = rng.uniform(0, right - left), rng.uniform(0, height * 0.5)
        r = rng.uniform(0.8, 2.0)
        tone = int(rng.uniform(110, 190))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(tone, tone, tone + 12))
    moon = (int((right - left) * 0.77), int(height * 0.3), int(side * 0.032))
    pen.ellipse(
        (moon[0] - moon[2], moon[1] - moon[2], moon[0] + moon[2], moon[1] + moon[2]),
        fill=(232, 224, 206),
    )
    x = -20.0
    while x < right - left:
        width, tall = rng.uniform(60, 130), rng.uniform(0.2, 0.46) * height
        pen.rectangle((x, height - tall, x + width, height), fill=(27, 29, 37))
        for column in np.arange(x + 14, x + width - 22, 26):
            for row in np.arange(height - tall + 16, height - 24, 34):
                if rng.random() < 0.2:
                    pen.rectangle((column, row, column + 11, row + 15), fill=(214, 168, 110))
        x += width + rng.uniform(-2, 8)
    view_mask = Image.new("L", view.size, 0)
    ImageDraw.Draw(view_mask).rounded_rectangle((0, 0, *view.size), radius=14, fill=235)
    image.paste(view, (left, top), view_mask)
    bars = ImageDraw.Draw(image)
    bars.rounded_rectangle((left, top, right, bottom), radius=14, outline=(44, 48, 56), width=8)
    middle = (left + right) // 2
    bars.rectangle((middle - 4, top, middle + 4, bottom), fill=(44, 48, 56))


def _desk(image: Image.Image) -> None:
    """The mixing desk: eight faders, two of them lit."""
    side = image.width
    pen = ImageDraw.Draw(image)
    top, bottom = int(side * 0.57), int(side * 0.93)
    pen.rounded_rectangle(
        (side * 0.09, top - 46, side * 0.91, bottom + 30),
        radius=34,
        fill=(27, 30, 36),
        outline=(40, 44, 52),
        width=3,
    )
    heights = (0.62, 0.5, 0.7, 0.26, 0.42, 0.66, 0.55, 0.74)
    for k, share in enumerate(heights):
        x = side * (0.155 + k * 0.0985)
        colour = {3: CORAL, 4: TEAL}.get(k)
        y = top + (bottom - top) * share
        pen.rounded_rectangle((x - 5, top, x + 5, bottom), radius=5, fill=(14, 15, 19))
        if colour:
            _glow(image, (x - 16, y, x + 16, bottom), colour, 46, 0.75)
            pen = ImageDraw.Draw(image)
            pen.rounded_rectangle((x - 5, y, x + 5, bottom), radius=5, fill=colour)
        cap = (x - 27, y - 40, x + 27, y + 40)
        pen.rounded_rectangle(cap, radius=11, fill=(228, 230, 234) if colour else (58, 63, 72))
        pen.rectangle((x - 27, y - 3, x + 27, y + 3), fill=colour or (34, 37, 44))
        if colour:
            _glow(image, (x - 20, y - 5, x + 20, y + 5), colour, 26, 0.8)
            pen = ImageDraw.Draw(image)

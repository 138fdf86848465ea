from dataclasses import fields

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFontMetricsF, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from karaoke_studio.ui import theme
from karaoke_studio.ui.controls import Label
from karaoke_studio.ui.theme import DARK, LIGHT, Look, Tokens

STEMS = ("vocals", "instrumental", "original", "drums", "bass", "other", "guitar", "piano")
STATES = ("ok", "warn", "error", "accent")


def luminance(colour: QColor) -> float:
    """Relative luminance. Source: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = linear(colour.redF()), linear(colour.greenF()), linear(colour.blueF())
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str | QColor, other: str | QColor) -> float:
    """Contrast ratio. Source: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    high, low = sorted((luminance(QColor(one)), luminance(QColor(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_ruler_itself_is_right() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("ground", ["window", "panel", "raised"])
def test_words_can_be_read_on_every_ground(tokens: Tokens, ground: str) -> None:
    assert contrast(tokens.text, getattr(tokens, ground)) >= 11.7
    assert contrast(tokens.muted, getattr(tokens, ground)) >= 5.2


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize("name", [*STEMS, *STATES])
def test_colours_with_a_meaning_stand_out(tokens: Tokens, name: str) -> None:
    for ground in (tokens.window, tokens.panel):
        assert contrast(getattr(tokens, name), ground) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
def test_words_on_the_primary_button_can_be_read(tokens: Tokens) -> None:
    for level in (0.0, 1.0, 1.6):  # at rest, under the pointer, pressed
        ground = theme.mix(tokens.accent, tokens.text, 0.14 * level)
        assert contrast(tokens.on_accent, ground) >= 4.5


@pytest.mark.parametrize("tokens", [DARK, LIGHT], ids=["dark", "light"])
def test_every_token_is_a_colour(tokens: Tokens) -> None:
    names = [field.name for field in fields(Tokens) if field.name != "is_dark"]
    assert len(names) == 20
    assert all(QColor(getattr(tokens, name)).isValid() for name in names)


def test_a_mix_goes_from_one_end_to_the_other() -> None:
    assert theme.mix("#000000", "#FFFFFF", 0) == QColor("#000000")
    assert theme.mix("#000000", "#FFFFFF", 1) == QColor("#FFFFFF")
    assert theme.mix("#000000", "#646464", 0.5) == QColor("#323232")
    assert theme.mix("#F0F0F0", "#FFFFFF", 1.6) == QColor("#FFFFFF")


def test_choosing_a_theme_changes_palette_and_tells(qtbot: QtBot, look: Look) -> None:
    with qtbot.waitSignal(look.changed):
        look.choose("light")
    assert look.tokens is LIGHT
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(LIGHT.window)
    assert LIGHT.panel in QApplication.instance().styleSheet()
    look.choose("dark")
    assert QApplication.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)


def test_the_systems_scheme_is_followed_only_when_asked(qtbot: QtBot, look: Look) -> None:
    hints = QGuiApplication.styleHints()
    look.choose("system")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Light)
    # The offscreen system does not say which scheme it has: the studio at night.
    assert hints.colorScheme() == Qt.ColorScheme.Unknown
    assert look.tokens is DARK
    look.choose("light")
    hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert look.tokens is LIGHT


@pytest.mark.parametrize(
    ("scheme", "tokens"),
    [
        (Qt.ColorScheme.Light, LIGHT),
        (Qt.ColorScheme.Dark, DARK),
        (Qt.ColorScheme.Unknown, DARK),
    ],
)
def test_a_scheme_has_its_tokens(scheme: Qt.ColorScheme, tokens: Tokens) -> None:
    assert theme.tokens_of(scheme) is tokens


def test_a_label_keeps_size_and_weight_through_a_change_of_theme(qtbot: QtBot, look: Look) -> None:
    label = Label("Title", size=theme.TITLE, strong=True, tone="muted")
    qtbot.addWidget(label)
    label.show()
    look.choose("light")
    assert label.font().pixelSize() == theme.TITLE
    assert label.font().weight() == theme.font(strong=True).weight()
    assert label.palette().color(label.foregroundRole()) == QColor(LIGHT.muted)


def test_an_unknown_choice_means_the_system(qapp: object) -> None:
    assert Look("purple").choice == "system"


def test_digits_are_equally_wide_where_asked(look: Look) -> None:
    metrics = QFontMetricsF(theme.font(tabular=True))
    assert metrics.horizontalAdvance("1111") == pytest.approx(metrics.horizontalAdvance("0000"))

"""Speech from free synthesisers, taken apart by WORLD into what a singer is made of.

Some speakers are kept for the test set; see `TEST_SPEAKERS`.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyworld
import soundfile
from numpy.typing import NDArray
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from training.instant.store import SAMPLE_RATE

Rng = np.random.Generator

FRAME_MS = 5.0
#: Bins of an envelope at 44.1 kHz.
BINS = 1025
_ANALYSIS_FFT = 1024

#: Speech with fewer is said anew.
_FEWEST_SYLLABLES = 6

_ENGLISH = (
    "love light night day time heart fire rain dream away alone tonight forever never always baby "
    "hold me you and the on in of a my your we they when where why how feel see know want need "
    "come go stay leave run fall fly break take give make find lose turn burn shine sky sea river "
    "road home world life soul mind eyes hands face name voice sound song music dance summer "
    "winter morning evening golden silver broken hollow city street window door mirror shadow "
    "stars moon sun wind water stone gold blue red black white wild young old free true oh yeah "
    "hey la na ooh ah whoa so long cannot stop believe remember forget again over under through "
    "between beautiful money crazy people nothing something everything little lonely dangerous "
    "kiss this just should could better whisper listen secret place breathe strange change chance"
)
_OTHERS = {
    "es": "la noche es larga y mi corazon no puede olvidar tu voz bajo la luna quiero volar "
    "contigo siempre amor dame un poco de tiempo para vivir",
    "de": "ich will nur noch einmal die sterne sehen und du bleibst bei mir die ganze nacht mein "
    "herz wohin soll ich gehen wenn der morgen kommt",
    "it": "sei nella mia mente come una canzone che non finisce mai il cielo sopra di noi vola "
    "lontano dove nasce il sole amore mio",
    "fr-fr": "je ne veux pas partir sans toi la nuit est belle et le vent chante dans mon coeur "
    "toujours comme un oiseau qui tombe du ciel",
    "pt": "meu amor vem comigo dançar na areia quando o sol cair eu quero ficar aqui",
    "sv": "jag vill vara med dig hela natten under stjärnorna min vän kom hem igen",
    "la": "kyrie eleison gloria in excelsis deo et in terra pax sanctus dominus agnus dei dona "
    "nobis pacem ave maria gratia plena",
    "pl": "kocham cie moja mila a noc jest dluga i gwiazdy swieca nad morzem",
    "fi": "minun sydameni laulaa sinulle koko yon kun tahdet loistavat meren ylla",
    "ja": "さくら さくら やよいの そらは みわたす かぎり",
    "el": "η αγάπη μου είναι η θάλασσα και το φως της νύχτας",
}
_WORDLESS = "ah la la oh oh hey na na na ooh yeah whoa ah ah la ma mi mo no lo"

_ESPEAK = (
    "m1 m2 m4 m5 m6 m7 m8 f1 f2 f3 f5 klatt klatt2 klatt4 Alex Andy Lee linda Mario Mike steph "
    "steph2 steph3 Gene Jacky Marco Diogo Alicia Andrea belinda rob paul sandro shelby victor "
    "anika Hugo pablo boris adam antonio aunty caleb david ed edward grandma gustave marcelo max "
    "miguel norbert pedro quincy robert travis Denis Nguyen m3 f4 Annie Michael Henrique benjamin "
    "zac"
)

#: Languages of SVOX Pico, each with a speaker of its own, and whose words are said.
_PICO = {"en-US": "", "en-GB": "", "de-DE": "de", "fr-FR": "fr-fr", "es-ES": "es", "it-IT": "it"}

#: Speakers that no net is trained on.
TEST_SPEAKERS = frozenset(
    f"espeak {name}" for name in ("m3", "f4", "Annie", "Michael", "Henrique", "benjamin", "zac")
) | {"flite awb", "festival ked_diphone"}

_SPEAKERS = (
    *((f"espeak {name}", 0.36 / len(_ESPEAK.split())) for name in _ESPEAK.split()),
    *(("flite rms", 0.13), ("flite slt", 0.13), ("flite awb", 0.08), ("flite kal16", 0.04)),
    *(("festival cmu_us_slt_arctic_hts", 0.16), ("festival ked_diphone", 0.05)),
    ("festival kal_diphone", 0.05),
    *((f"pico {language}", 0.07) for language in _PICO),
)
_FEMALE = ("pico", "slt", "f1", "f2", "f3", "f4", "f5", "Annie", "Ali", "Andrea", "linda", "steph")
_FEMALE += ("belinda", "anika", "shelby", "aunty", "grandma")


@dataclass(frozen=True)
class Syllable:
    """Frames of an utterance: where it starts, where the vowel is steady, where it ends."""

    start: int
    steady: tuple[int, int]
    end: int


@dataclass(frozen=True)
class Utterance:
    """Speech without its melody.

    Attributes:
        speaker: who speaks.
        envelope: log power, float16 (frames, BINS).
        noise: aperiodicity, float16 (frames, BINS).
        hertz: fundamental frequency, 0 where unvoiced, float32 (frames,).
        syllables: those that can be sung.
    """

    speaker: str
    envelope: NDArray[np.float16]
    noise: NDArray[np.float16]
    hertz: NDArray[np.float32]
    syllables: tuple[Syllable, ...]

    @property
    def is_female(self) -> bool:
        """Whether the speaker sounds like a woman."""
        return any(name in self.speaker for name in _FEMALE)


def choose_speaker(rng: Rng, purpose: str) -> str:
    """Return a speaker of the "train" or the "test" set."""
    speakers = [pair for pair in _SPEAKERS if (pair[0] in TEST_SPEAKERS) == (purpose == "test")]
    odds = np.array([share for _, share in speakers])
    return speakers[rng.choice(len(speakers), p=odds / odds.sum())][0]


def utter(speaker: str, rng: Rng) -> Utterance:
    """Let somebody say something that can be sung."""
    while True:
        samples, rate = _speak(speaker, rng)
        if samples.size > rate and np.abs(samples).max() > 0:
            utterance = _take_apart(speaker, samples / np.abs(samples).max() * 0.7, rate)
            if len(utterance.syllables) >= _FEWEST_SYLLABLES:
                return utterance


def _speak(speaker: str, rng: Rng) -> tuple[NDArray[np.float64], int]:
    program, voice = speaker.split(" ")
    words = _ENGLISH if rng.random() < 0.88 else _WORDLESS
    text = " ".join(rng.choice(words.split(), rng.integers(9, 17)))
    with tempfile.TemporaryDirectory() as folder:
        wave = str(Path(folder, "speech.wav"))
        if program == "espeak":
            language = str(rng.choice(["en", "en-us", "en-gb-scotland", "en-us"]))
            if rng.random() < 0.45:
                language = str(rng.choice(sorted(_OTHERS)))
                text = _OTHERS[language]
            speed, pitch = int(rng.integers(90, 150)), int(rng.integers(25, 75))
            command = ["espeak-ng", "-v", f"{language}+{voice}", "-s", str(speed), "-p", str(pitch)]
            command += ["-w", wave, text]
        elif program == "flite":
            stretch = f"duration_stretch={rng.uniform(1.05, 1.5):.2f}"
            command = ["flite", "-voice", voice, "--setf", stretch, "-t", text, "-o", wave]
        elif program == "pico":
            if words is _ENGLISH and _PICO[voice]:
                text = _OTHERS[_PICO[voice]]
            speed, pitch = rng.integers(70, 115), rng.integers(80, 125)
            text = f"<speed level='{speed}'><pitch level='{pitch}'>{text}</pitch></speed>"
            command = ["pico2wave", "-l", voice, "-w", wave, text]
        else:
            command = ["text2wave", "-eval", f"(voice_{voice})", "-o", wave]
        subprocess.run(command, input=text.encode(), check=True, capture_output=True)
        return soundfile.read(wave, dtype="float64")


def _take_apart(speaker: str, samples: NDArray[np.float64], rate: int) -> Utterance:
    hertz, at_s = pyworld.dio(samples, rate, f0_floor=60, f0_ceil=450, frame_period=FRAME_MS)
    hertz = pyworld.stonemask(samples, hertz, at_s, rate)
    power = pyworld.cheaptrick(samples, hertz, at_s, rate, fft_size=_ANALYSIS_FFT)
    noise = pyworld.d4c(samples, hertz, at_s, rate, fft_size=_ANALYSIS_FFT)
    loudness = np.log(power[:, 5:200].sum(axis=1) + 1e-12)
    envelope, noise = _extend(np.log(power + 1e-12), noise, hertz > 0, rate)
    return Utterance(
        speaker,
        envelope.astype(np.float16),
        noise.astype(np.float16),
        hertz.astype(np.float32),
        _syllables(loudness, hertz > 0),
    )


def _extend(
    envelope: NDArray, noise: NDArray, voiced: NDArray[np.bool_], rate: int
) -> tuple[NDArray, NDArray]:
    """Bring both onto the bins of 44.1 kHz, and on above what the speech held.

    Above, vowels fall by about 13 dB per octave and hisses by 3, and voices are breathier.
    """
    given = np.arange(_ANALYSIS_FFT // 2 + 1) * rate / _ANALYSIS_FFT
    wanted = np.linspace(0, SAMPLE_RATE / 2, BINS)
    top_hz = 0.93 * min(rate, SAMPLE_RATE) / 2
    known = given < top_hz
    out = np.stack([np.interp(wanted, given[known], row[known]) for row in envelope])
    rough = np.stack([np.interp(wanted, given[known], row[known]) for row in noise])
    above = wanted > top_hz
    octaves = np.log2(wanted[above] / top_hz)
    edge = (given > 0.7 * top_hz) & known
    slope = np.where(voiced, -3.0, -0.75)[:, None]
    out[:, above] = envelope[:, edge].mean(axis=1, keepdims=True) + slope * octaves
    rough[:, above] = np.minimum(rough[:, above] + 0.35, 1)
    return out, rough


def _syllables(loudness: NDArray, voiced: NDArray[np.bool_]) -> tuple[Syllable, ...]:
    """Find voiced peaks of loudness, and the frames around them."""
    smooth = gaussian_filter1d(np.where(voiced, loudness, loudness.min()), 4)
    peaks, _ = signal.find_peaks(smooth, height=smooth.max() - 7, distance=16, prominence=0.5)
    peaks = [int(peak) for peak in peaks if voiced[peak]]
    found = []
    for place, peak in enumerate(peaks):
        low = peaks[place - 1] if place else max(0, peak - 50)
        high = peaks[place + 1] if place + 1 < len(peaks) else min(len(loudness) - 1, peak + 50)
        if not low < peak < high:
            continue
        start = max(low + int(np.argmin(loudness[low : peak + 1])), peak - 40)
        end = min(peak + int(np.argmin(loudness[peak : high + 1])), peak + 40)
        is_steady = voiced & (smooth > smooth[peak] - 0.9)
        first = last = peak
        while first > start + 1 and is_steady[first - 1]:
            first -= 1
        while last < end - 1 and is_steady[last + 1]:
            last += 1
        if end - start > 6 and start < first and last < end:
            found.append(Syllable(start, (first, last), end))
    return tuple(found)

"""A program of its own: speaks line after line by the libraries of flite or espeak-ng.

    python -I -S speech_child.py flite|espeak FOLDER

Each line is JSON, `{"voice": ..., "text": ...}`; the answer is the path of a WAV in FOLDER, or a
line that begins with `failed`. Ends with its standard input. Started by `ivr.speech_warm`, apart
from the server because a fault in C takes the whole process along.

Calls by the headers of flite 2.2 (flite.h) and espeak-ng 1.51 (speak_lib.h).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import sys
import wave
from collections.abc import Callable
from pathlib import Path

#: (voice, text, path) -> writes the WAV. Raises ValueError or OSError.
Speak = Callable[[str, str, str], None]

SYNCHRONOUS, DONT_EXIT = 2, 0x8000
UTF8, PHONEMES, END_PAUSE = 1, 0x100, 0x1000
RATE_PARAMETER = 1


def flite() -> Speak:
    lib = ctypes.CDLL("libflite.so.1")
    for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
        ctypes.CDLL(name, ctypes.RTLD_GLOBAL)
    lib.flite_init()
    # By way of a file as the program does: it pauses between sentences, text_to_speech does not.
    lib.flite_file_to_speech.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_char_p]
    lib.flite_file_to_speech.restype = ctypes.c_float
    voices: dict[str, int] = {}

    def speak(voice: str, text: str, path: str) -> None:
        if not re.fullmatch(r"[a-z0-9]{1,20}", voice):
            raise ValueError("not the name of a voice of flite's own")
        if voice not in voices:
            register = getattr(
                ctypes.CDLL(f"libflite_cmu_us_{voice}.so.1"), f"register_cmu_us_{voice}"
            )
            register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            voices[voice] = register(None)
        source = Path(path).with_suffix(".txt")
        source.write_text(f"{text}\n", encoding="ascii", errors="ignore")
        lib.flite_file_to_speech(str(source).encode(), voices[voice], path.encode())
        source.unlink()

    return speak


def espeak() -> Speak:
    lib = ctypes.CDLL("libespeak-ng.so.1")
    rate = lib.espeak_Initialize(SYNCHRONOUS, 0, None, DONT_EXIT)
    if rate <= 0:
        raise OSError("espeak-ng finds none of its data")
    frames = bytearray()

    def heard(samples: int | None, number: int, _: int | None) -> int:
        if samples and number > 0:
            frames.extend(ctypes.string_at(samples, 2 * number))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    callback = kind(heard)
    lib.espeak_SetSynthCallback(callback)
    size = ctypes.c_size_t
    lib.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, size, ctypes.c_uint, ctypes.c_int),
        *(ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p),
    ]

    def speak(voice: str, text: str, path: str) -> None:
        frames.clear()
        name, _, words_a_minute = voice.partition(" ")
        if lib.espeak_SetVoiceByName(name.encode("ascii")):
            raise ValueError("espeak-ng has no such voice")
        lib.espeak_SetParameter(RATE_PARAMETER, int(words_a_minute), 0)
        spoken = text.encode() + b"\0"
        flags = UTF8 | PHONEMES | END_PAUSE
        if lib.espeak_Synth(spoken, len(spoken), 0, 1, 0, flags, None, None):
            raise ValueError("espeak-ng refused the text")
        with wave.open(path, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(rate)
            writer.writeframes(bytes(frames))

    speak.callback = callback  # type: ignore[attr-defined]  # C holds only its address
    return speak


def main() -> None:
    # The libraries print what they like; answers go where they cannot reach.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    speak = {"flite": flite, "espeak": espeak}[sys.argv[1]]()
    folder = Path(sys.argv[2])
    for number, line in enumerate(sys.stdin):
        path = folder / f"{number}.wav"
        try:
            asked = json.loads(line)
            speak(asked["voice"], asked["text"], str(path))
            answer = str(path)
        except (ValueError, OSError, AttributeError) as error:
            answer = f"failed: {type(error).__name__}"
        answers.write(f"{answer}\n")
        answers.flush()


if __name__ == "__main__":
    main()

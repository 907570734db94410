"""Names for the demo's people, common enough to be nobody's, and where they live."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST = _words(
    "Ava Ben Carla Daniel Elena Frank Grace Hugo Irene Jack Karen Liam Mia Nathan Olive Paul "
    "Quinn Rosa Sam Tara Uma Victor Wendy Xavier Yvonne Zoe Aaron Bella Caleb Diana Ethan "
    "Fiona George Hannah Isaac Julia Kevin Laura Marcus Nina Oscar Priya Ralph Sofia Tomas "
    "Ursula Vera Walter Amelia Boris Chloe Derek Emma Felix Gloria Henry Ines Jonas Kira Leo"
)
LAST = _words(
    "Adams Baker Carter Diaz Evans Foster Green Harris Ibrahim Jones Khan Lopez Miller Nolan "
    "Owens Patel Quigley Reyes Smith Turner Underwood Vargas White Xenakis Young Zimmer Allen "
    "Brooks Cooper Dean Ellis Fisher Grant Hayes Irwin Jensen Klein Lambert Morgan Novak "
    "O'Brien Parker Ramos Schmidt Taylor Ueda Vance Walsh York Zeller"
)
FAMILY_ZH = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
GIVEN_ZH = _words(
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 "
    " 秀英 建国 志强 晓燕 婷婷 海燕 文静 子涵 浩然 雨欣 思远 佳怡 俊杰"
)
COMPANY_FIRST = _words(
    "Harbor Maple Summit Corner Blue Old Mill Bright North River Union Garden Lantern"
)
COMPANY_LAST = ("Café", "Bakery", "Studio", "Hotel", "Offices", "Books", "Dental", "Law", "Foods")
#: Without 202: its numbers belong to the cast and to strangers.
AREAS = _words(
    "201 203 205 206 207 208 209 210 213 214 215 216 217 218 219 303 304 305 307 308 310 312 "
    "313 314 315 316 317 318 319 401 402 404 405 406 407 408 410 412 413 414 415 417 419 501 502"
)

"""Short English stories from a seed: a hero, a friend, a thing and a place that stay the same inside a story.

A story is an opening, a plot and an end, each a template. In a template [a|b] is one of two texts. {key} is a word of the story's
cast, or a new word from the list of that name, and {Key} is the same with a capital. A blank line starts a paragraph. The choices
multiply, so that few sentences come twice and a small model has something to learn for long.
Only random.Random.random is used, since it gives the same on every machine and in every version of Python.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from lrsweep.seeding import derive_seed

T = TypeVar("T")
Node = str | tuple["Node", ...] | list["Node"]  # text or {key}; tuple: one after the other; list: one of them

PARTS = re.compile(r"([\[\]|]|\{\w+\})")
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")

SOURCE = tomllib.loads(Path(__file__).with_name("stories.toml").read_text(encoding="utf-8"))
OPENINGS, PLOTS, ENDINGS, SHARED = (SOURCE[name] for name in ("openings", "plots", "endings", "shared"))
GIRLS, BOYS, ANIMALS = (SOURCE[name].split() for name in ("girls", "boys", "animals"))
LISTS = {name: text.split() for name, text in SOURCE["words"].items()} | {
    name: [" ".join(phrase.split()) for phrase in text.split(";")] for name, text in SOURCE["phrases"].items()
}
TABLES = {
    names: [[cell.strip() for cell in row.split("|")] for row in text.splitlines()] for names, text in SOURCE["tables"].items()
}
KIN, PLACES, WEATHERS = "kin khe khis", "at place spots sight_here", "weather weather_clause weather_fun weather_bad"


@cache
def parse(template: str) -> Node:
    """Parse a template into a tree."""
    stack: list[list[list[Node]]] = [[[]]]  # open brackets, their options, the parts of an option
    for part in PARTS.split(template):
        if part == "[":
            stack.append([[]])
        elif part == "|":
            stack[-1].append([])
        elif part == "]":
            options = stack.pop()
            stack[-1][-1].append([tuple(option) for option in options])
        elif part:
            stack[-1][-1].append(part)
    assert len(stack) == 1 and len(stack[0]) == 1, f"brackets do not match: {template}"
    return tuple(stack[0][0])


class Teller:
    """Tells stories from one stream of random numbers."""

    def __init__(self, stream: random.Random) -> None:
        self.stream = stream

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of the options. random.choice is not used, since its algorithm may change with Python."""
        return options[int(self.stream.random() * len(options))]

    def several(self, options: Sequence[T], n: int) -> list[T]:
        """Draw n different options."""
        left = list(options)
        return [left.pop(int(self.stream.random() * len(left))) for _ in range(n)]

    def tell(self, node: Node, cast: Mapping[str, str]) -> str:
        """Fill in a template with a cast; what the cast does not name comes from the word lists."""
        if isinstance(node, tuple):
            return "".join([self.tell(part, cast) for part in node])
        if isinstance(node, list):
            return self.tell(self.pick(node), cast)
        return self.word(node[1:-1], cast) if node[0] == "{" else node

    def word(self, name: str, cast: Mapping[str, str]) -> str:
        """Give what a name in braces stands for, with a capital where the name has one."""
        key = name.lower()
        if key in cast:
            text = cast[key]
        elif key in SHARED:
            text = self.tell(parse(SHARED[key]), cast)
        else:
            text = self.pick(LISTS[key])
        return text[:1].upper() + text[1:] if name != key else text

    def story(self) -> str:
        """Tell one story: paragraphs with a blank line between them."""
        cast = self.people() | self.setting() | self.subject()
        parts = [self.tell(parse(self.pick(choices)), cast) for choices in (OPENINGS, PLOTS, ENDINGS)]
        text = BEFORE_A_VOWEL.sub(r"\1n ", "\n\n".join(parts))
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip())

    def person(self, taken: Sequence[str]) -> tuple[str, str, str, str, str]:
        """Draw a name and a kind, and give the words for he, him and his."""
        girl = self.stream.random() < 0.5
        name = self.pick([name for name in (GIRLS if girl else BOYS) if name not in taken])
        kind = self.pick(ANIMALS) if self.stream.random() < 0.3 else ("girl" if girl else "boy")
        return (name, kind, "she", "her", "her") if girl else (name, kind, "he", "him", "his")

    def people(self) -> dict[str, str]:
        """Draw hero, friend, newcomer and kin, with what describes them."""
        hero = _named("hero kind he him his", self.person(()))
        friend = _named("friend fkind fhe fhim fhis", self.person((hero["hero"],)))
        newname, newkind, *_ = self.person((hero["hero"], friend["friend"]))
        traits = _named("trait ftrait ntrait", self.several(LISTS["trait"], 3))
        met = {"newname": newname, "newkind": newkind, "fintro": f"a {traits['ftrait']} {friend['fkind']}"}
        animals = [name for name in ANIMALS if name not in (hero["kind"], friend["fkind"])]
        return hero | friend | traits | met | _named(KIN, self.pick(TABLES[KIN])) | {"animal": self.pick(animals)}

    def setting(self) -> dict[str, str]:
        """Draw place, weather and day, with the words that go with each."""
        at, place, spots, sight_here = self.pick(TABLES[PLACES])
        where = {"at": at, "place": place, "sight_here": sight_here}
        weather = _named(WEATHERS, self.pick(TABLES[WEATHERS]))
        when = {"part": self.pick(LISTS["part"]), "day": self.pick(LISTS["weekday"])}
        return where | weather | when | _named("spot spot2 spot3", self.several(spots.split("; "), 3))

    def subject(self) -> dict[str, str]:
        """Draw what the plots are about; a story uses what its plot needs."""
        found: dict[str, str] = {}
        for keys in (keys for keys in TABLES if keys not in (KIN, PLACES, WEATHERS)):
            found |= _named(keys, self.pick(TABLES[keys]))
        found |= _named("ing ing2 ing3", self.several(found["ingredients"].split("; "), 3))
        found |= _named("color color2 color3", self.several(LISTS["color"], 3))
        found |= _named("pastime pastime2", self.several(LISTS["pastime"], 2))
        texture, color = self.pick(LISTS["texture"]), found["color"]
        found["look"] = self.pick((color, texture, f"{texture} {color}"))
        return found | {key: self.pick(LISTS[key]) for key in ("plant", "adult", "body")}


def _named(keys: str, cells: Sequence[str]) -> dict[str, str]:
    return dict(zip(keys.split(), cells, strict=True))


def stories(seed: int, size_bytes: int) -> Iterator[str]:
    """Tell stories until their UTF-8 bytes, with a separator of one byte each, reach size_bytes; a seed decides them all."""
    teller, done = Teller(random.Random(derive_seed(seed, "stories"))), 0
    while done < size_bytes:
        story = teller.story()
        done += len(story.encode()) + 1
        yield story

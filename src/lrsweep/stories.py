"""Short English stories from a seed: a hero, a friend, a thing and a place that stay the same inside a story.

The sentences are put together from parts, so that few are ever repeated and a small model has something to learn for long.
Only random.Random.random is used: it is the same on every machine and in every version of Python.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from lrsweep.seeding import derive_seed

GIRLS = """Lily Mia Anna Sue Emma Zoe Ella Ruby Nora Ivy Clara Rosa Tina Maya Jane Lucy Amy Kate Hana Olga Vera Wendy Paula Greta
Iris Stella Daisy Molly Nina Elsa Flora Hazel June Kira Leila Mona""".split()
BOYS = """Tom Ben Max Sam Tim Leo Jack Finn Omar Noah Paul Hugo Ali Dan Eric Fred Gus Ivan Jim Karl Luis Mark Nick Otto Pete Ravi
Theo Vik Will Yusuf Adam Bob Carl Emil Felix George""".split()
ANIMALS = """dog cat rabbit fox bear mouse duck frog owl pony hen lamb goat turtle squirrel hedgehog parrot beaver kitten puppy
sparrow goose otter badger deer donkey""".split()
THINGS = """ball kite book drum boat hat lamp cup basket doll train bell box spoon shell stone ribbon scarf whistle map key coin
blanket flute bucket shovel mirror puzzle wagon button feather lantern umbrella rope crown mitten compass camera clock violin
acorn apple orange egg pie cake cookie sandwich jar teapot painting letter necklace robot balloon sled puppet marble""".split()
PLACES = """park garden forest beach farm kitchen school meadow river market barn library hill pond yard village castle cave
bakery harbor orchard playground museum attic bridge field tower station island valley""".split()
LOOKS = """red blue green yellow tiny big old new shiny round soft heavy golden silver wooden striped dusty bright strange pretty
broken warm smooth purple orange little long empty sturdy magic plain colorful spotted curious dark""".split()
MOODS = """happy sad brave shy kind curious sleepy clever careful gentle proud quiet cheerful lonely hungry patient silly
grumpy nervous excited honest playful lazy polite stubborn""".split()
WEATHER = """sunny rainy windy cold warm snowy cloudy foggy hot stormy bright quiet gray frosty mild""".split()
MANNERS = """slowly quickly quietly carefully happily loudly gently bravely sadly softly eagerly politely proudly nervously
gladly calmly""".split()
SEEN = "saw found noticed spotted discovered".split()
WENT = "walked ran hurried skipped wandered marched rushed tiptoed strolled rode".split()
HIDING = """under a bench|behind a tree|in the tall grass|next to a wall|inside a hollow log|on top of a rock|under some leaves
between two bushes|near the gate|behind a barrel|beside the path|under the stairs|in a dark corner|on a high shelf""".replace(
    "\n", "|"
).split("|")
SKILLS = """swim|whistle|paint|dance|read|ride a bike|climb a tree|bake bread|fly a kite|play the drum|skip rope|count to a hundred
plant seeds|tie a knot|juggle|draw a horse|sing a song|catch a fish|build a tower|sew a button""".replace("\n", "|").split("|")
FOODS = "soup pancakes bread cookies salad cake jam pudding noodles porridge muffins stew rice dumplings".split()
LESSONS = """that sharing makes friends|to be kind|that it is good to tell the truth|to ask for help|never to give up
to listen first|that small friends can help a lot|to be careful with things|that a friend is better than a toy
to try again|to say sorry|that being brave does not mean having no fear|to look after others""".replace("\n", "|").split("|")


@dataclass(frozen=True)
class Cast:
    """What stays the same in a story."""

    hero: str
    they: str  # he or she
    their: str
    them: str
    kind: str  # boy, girl or animal
    friend: str
    thing: str
    look: str
    place: str
    mood: str


class Teller:
    """Tells one story from one stream of random numbers."""

    def __init__(self, stream: random.Random) -> None:
        self.stream = stream

    def pick(self, options: list[str]) -> str:
        return options[int(self.stream.random() * len(options))]

    def cast(self) -> Cast:
        girl = self.stream.random() < 0.5
        names = GIRLS if girl else BOYS
        hero = self.pick(names)
        friend = self.pick([name for name in GIRLS + BOYS if name != hero])
        kind = self.pick(ANIMALS) if self.stream.random() < 0.35 else ("girl" if girl else "boy")
        words = ("she", "her", "her") if girl else ("he", "his", "him")
        return Cast(hero, *words, kind, friend, self.pick(THINGS), self.pick(LOOKS), self.pick(PLACES), self.pick(MOODS))

    def story(self) -> str:
        c = self.cast()
        plots = (self.lost, self.shared, self.learned, self.quarrel, self.helped, self.cooked, self.feared, self.gift)
        plot = plots[int(self.stream.random() * len(plots))]
        paragraphs = (self.opening(c), plot(c), self.closing(c))
        return "\n\n".join(" ".join(sentences) for sentences in paragraphs)

    def opening(self, c: Cast) -> list[str]:
        once = self.pick(["Once upon a time", "One day", "Long ago", f"On {a(self.pick(WEATHER))} day", "Once", "Last summer"])
        size = self.pick(["little", "small", "young", c.mood])
        lived = self.pick([f"who lived near the {c.place}", f"who loved the {c.place}", f"with {a(self.pick(LOOKS))} hat"])
        first = f"{once}, there was {a(size)} {c.kind} named {c.hero} {lived}."
        second = self.pick(
            [
                f"{c.hero} was very {c.mood} and liked to play with {c.their} {c.thing}.",
                f"{cap(c.they)} had {a(c.look)} {c.thing} that {c.they} took everywhere.",
                f"Every morning {c.hero} {self.pick(WENT)} to the {c.place} with {c.their} {c.look} {c.thing}.",
                f"{c.their.capitalize()} best friend was {c.friend}, and they often met at the {c.place}.",
            ]
        )
        return [first, second]

    def closing(self, c: Cast) -> list[str]:
        end = self.pick(
            [
                f"{c.hero} and {c.friend} laughed and went home together.",
                f"That night {c.hero} slept well, with the {c.thing} next to {c.them}.",
                f"From that day on, {c.hero} and {c.friend} were the best of friends.",
                f"{c.hero} smiled {self.pick(MANNERS)} all the way home from the {c.place}.",
                f"{cap(c.their)} mom gave {c.them} a big hug and some {self.pick(FOODS)}.",
            ]
        )
        return [end, f"{c.hero} had learned {self.pick(LESSONS)}."]

    def says(self, who: str, line: str) -> str:
        verb = "asked" if line.endswith("?") else self.pick(["said", "cried", "whispered", "answered"])
        spoken = line[:-1] + "," if line.endswith(".") else line
        return f'"{spoken}" {verb} {who}.'

    def lost(self, c: Cast) -> list[str]:
        spot = self.pick(HIDING)
        return [
            f"But one {self.pick(WEATHER)} morning the {c.thing} was gone.",
            f"{c.hero} looked {self.pick(HIDING)}, but it was not there.",
            self.says(c.hero, f"Where is my {c.look} {c.thing}?"),
            f"{c.friend} {self.pick(WENT)} over and said {c.they} should look in the {c.place}.",
            f"They searched {self.pick(MANNERS)} until {c.friend} {self.pick(SEEN)} the {c.thing} {spot}.",
            self.says(c.friend, f"Look, it was {spot} all the time!"),
        ]

    def shared(self, c: Cast) -> list[str]:
        return [
            f"{c.friend} came to the {c.place} and {self.pick(SEEN)} the {c.look} {c.thing}.",
            self.says(c.friend, f"May I play with your {c.thing}?"),
            f"At first {c.hero} held the {c.thing} tight and felt {self.pick(MOODS)}.",
            f"Then {c.they} saw that {c.friend} looked {self.pick(MOODS)}.",
            self.says(c.hero, self.pick(["Yes, we can share it!", "Let us play with it together!", "You can have a turn now!"])),
            f"They played {self.pick(MANNERS)} with the {c.thing} until it was time to go.",
        ]

    def learned(self, c: Cast) -> list[str]:
        skill = self.pick(SKILLS)
        return [
            f"{c.hero} wanted to learn to {skill}, but it was {self.pick(['hard', 'not easy', 'very difficult'])}.",
            f"{cap(c.they)} tried {self.pick(MANNERS)} at the {c.place}, and it went wrong {self.pick(['once', 'twice', 'three times'])}.",
            self.says(c.friend, f"I can show you how to {skill}!"),
            f"{c.friend} showed {c.them} {self.pick(MANNERS)}, and {c.hero} tried again with the {c.thing} beside {c.them}.",
            f"After {self.pick(['two', 'three', 'four', 'five', 'many'])} days {c.hero} could {skill}, and {c.they} felt {self.pick(['proud', 'happy', 'very glad'])}.",
        ]

    def quarrel(self, c: Cast) -> list[str]:
        return [
            f"One {self.pick(WEATHER)} day {c.friend} broke the {c.look} {c.thing} at the {c.place}.",
            self.says(c.hero, f"That was my {c.thing}!"),
            f"{c.hero} was so {self.pick(['angry', 'sad', 'upset'])} that {c.they} {self.pick(WENT)} away.",
            f"{c.friend} felt {self.pick(['sorry', 'bad', 'ashamed'])} and sat {self.pick(HIDING)}.",
            self.says(c.friend, self.pick(["I am so sorry.", "I did not mean it.", "I will help you to mend it."])),
            f"Together they mended the {c.thing} {self.pick(MANNERS)}, and it looked {self.pick(['as good as new', 'even better', 'almost new'])}.",
        ]

    def helped(self, c: Cast) -> list[str]:
        animal = self.pick([name for name in ANIMALS if name != c.kind])
        look = self.pick(LOOKS)
        return [
            f"On the way to the {c.place}, {c.hero} {self.pick(SEEN)} {a(self.pick(['little', 'small', 'hurt', 'lost']))} {animal} {self.pick(HIDING)}.",
            self.says(f"the {animal}", self.pick(["Please help me!", "I am stuck!", "I cannot find my home!"])),
            f"{c.hero} put down the {c.look} {c.thing} and called {c.friend}.",
            f"They used {a(look)} {self.pick(THINGS)} to help the {animal}.",
            f"The {animal} thanked them {self.pick(MANNERS)} and {self.pick(WENT)} back to the {c.place}.",
        ]

    def cooked(self, c: Cast) -> list[str]:
        food = self.pick(FOODS)
        return [
            f"{c.hero} and {c.friend} wanted to make {food} for everyone at the {c.place}.",
            f"They mixed {self.pick(['flour', 'milk', 'honey', 'eggs', 'berries'])} and {self.pick(['butter', 'sugar', 'carrots', 'nuts', 'apples'])} in {a(self.pick(LOOKS))} bowl.",
            self.says(c.friend, f"Is the {food} ready?"),
            f"But the {food} tasted {self.pick(['too salty', 'too sweet', 'strange', 'awful', 'burnt'])}, and {c.hero} felt {self.pick(MOODS)}.",
            f"They tried again {self.pick(MANNERS)}, and this time the {food} tasted {self.pick(['wonderful', 'great', 'just right', 'very good'])}.",
        ]

    def feared(self, c: Cast) -> list[str]:
        fear = self.pick(["the dark", "the storm", "loud noises", "deep water", "high places", "the big dog", "the old tower"])
        return [
            f"{c.hero} was afraid of {fear}, and {c.they} told nobody.",
            f"One {self.pick(WEATHER)} evening {c.they} had to go to the {c.place} to get the {c.thing}.",
            self.says(c.friend, "I will come with you and hold your hand."),
            f"They {self.pick(WENT)} {self.pick(MANNERS)} past {self.pick(['the trees', 'the houses', 'the fence', 'the water'])}, step by step.",
            f"There was the {c.look} {c.thing}, {self.pick(HIDING)}, and {fear} did not seem so bad any more.",
        ]

    def gift(self, c: Cast) -> list[str]:
        other = self.pick([thing for thing in THINGS if thing != c.thing])
        return [
            f"It was the birthday of {c.friend}, and {c.hero} had no gift.",
            f"{cap(c.they)} {self.pick(WENT)} through the {c.place} and {self.pick(SEEN)} {a(self.pick(LOOKS))} {other} {self.pick(HIDING)}.",
            f"It belonged to {a(self.pick(['old', 'kind', 'tall']))} {self.pick(['man', 'woman', 'farmer', 'sailor'])} who wanted the {c.thing} for it.",
            f"{c.hero} thought {self.pick(MANNERS)} and gave the {c.look} {c.thing} away.",
            self.says(c.friend, f"What a lovely {other}! Thank you!"),
        ]


def a(word: str) -> str:
    """The word with its article."""
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def cap(word: str) -> str:
    """The word with a capital."""
    return word[0].upper() + word[1:]


def stories(seed: int, size_bytes: int) -> Iterator[str]:
    """Stories until their UTF-8 bytes, with two of separator each, reach size_bytes."""
    teller, done = Teller(random.Random(derive_seed(seed, "stories"))), 0
    while done < size_bytes:
        story = teller.story()
        done += len(story.encode()) + 2
        yield story

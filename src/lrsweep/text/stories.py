"""Short English stories from a seed: a hero, a friend, a thing and a place that stay the same inside a story.

A story is an opening, a plot and an end, each a template. In a template [a|b] is one of two texts. {key} is a word of the story's
cast, or a new word from the list of that name, and {Key} is the same with a capital. A blank line starts a paragraph. The choices
multiply, so that few sentences come twice and a small model has something to learn for long.
Only random.Random.random is used, since it gives the same on every machine and in every version of Python.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar

from lrsweep.seeding import derive_seed
from lrsweep.text import story_words as words

T = TypeVar("T")
Node = str | tuple["Node", ...] | list["Node"]  # text or {key}; tuple: one after the other; list: one of them

PARTS = re.compile(r"([\[\]|]|\{\w+\})")
BEFORE_A_VOWEL = re.compile(r"\b([Aa]) (?=[aeiou])")

OPENINGS = (
    "[Once upon a time|Long ago|Once|In a small village|Far away|In another land], there [was|lived] a [little|young|small|{trait}] {kind} named {hero}. {Hero} [liked|loved|always wanted] to {pastime}[| and to {pastime2}]. [{He} often went to the {place} with {his} friend {friend}.|{His} best friend was {friend}, {fintro}. They often met {at} the {place}.|One {weather} {part}, {he} and {his} friend {friend} {went} to the {place}.]",
    "{Hero} was a [{trait}|very {trait}|{trait} little] {kind}[| who liked to {pastime}]. [One {weekday} {part}|One {weather} day|On {weekday}], {he} [{went} to the {place}|was {at} the {place}] [with|together with] {his} [best |good |]friend {friend}[|, {fintro}]. {Seen}",
    "[One {weather} {part}|One {weekday}|Last {weekday}|Early one {weekday}], {hero} and {friend} [{went} to the {place}|met {at} the {place}|were {at} the {place}]. {Hero} was a {trait} {kind}, and {friend} was {fintro} [who liked to {pastime}|who was a bit {ntrait}|with a {color2} [hat|coat|bag]]. {Seen}",
    "There [once was|was once] a {trait} {kind} [called|named] {hero}. [Every {part}|Every {weekday}|Each day], {he} [{went}|came] to the {place} [to {pastime}|and played] with {his} friend {friend}. [Everyone knew that {hero} was very {trait}.|People said {he} was the most {trait} {kind} of all.|{His} {kin} often told {him} to {pastime} less and sleep more.]",
)

HAD_THING = "[{Hero} had|{His} {kin} had given {him}|For {his} birthday {hero} got] a {look} {thing}. [{He} {used} it every {part}.|{He} liked to {use} it {at} the {place}.|It was {his} favorite {thing} in the whole world.|{Hero} took it everywhere.|It had a {color2} dot on one side and a {color3} star on the other.]"

PLOTS = (
    # lost and found
    HAD_THING
    + """ [But on|Then on|On] {weekday}, the {thing} was [gone|missing|not there|nowhere to be seen]. {Felt_sad}

"[Where is|Have you seen|Who took] my {look} {thing}?" {hero} {asked}[| {sadly}]. "[We will find it|Do not cry|I will help you look]," {said} {friend}[| {gladly}]. They looked {spot}, but [it was not there|there was only {junk}]. [Then they|{Friend}] looked {spot2} and [{saw}|found only] {junk}. [{Hero} was ready to give up.|{Hero} felt more and more {sad}.|]

[At last|Suddenly|Just then], {friend} {saw} something {spot3}. [It was the {look} {thing}!|There was the {thing}!] "[Look|Here], it was {spot3} [all the time|all along]!" {cried} {friend}. {Hero} [held the {thing} tight|{smiled} and thanked {friend}|was so {glad}]. [From then on {he} always put the {thing} in a safe place.|{Hero} learned to [look after {his} things|ask for help when something was lost].]""",
    # sharing
    HAD_THING
    + """ {Friend} [{saw} the {thing} and came closer|came over and looked at the {thing}]. "[May|Can] I {use} your {thing}[| too| for a while]?" {fhe} {asked}[| {sadly}].

"No, it is mine!" {cried} {hero}, and [held the {thing} tight|hid it {spot}|turned away]. {Friend} [sat down {spot2}|went away {slowly}] and felt {sad}. {Hero} {used} the {thing} alone, but it was [no fun|boring] [all alone|without a friend].

[Then|After a while|Soon] {hero} {went} to {friend}. "[I am sorry|That was not nice of me]. [We can share|You can have a turn|Let us take turns]," {he} {said}[| {softly}]. [So|Now] they both {used} the {thing} {gladly} until [dinner|it got dark|it was time to go home]. {Hero} learned that [sharing makes friends|a thing is more fun when you share it|a friend is better than a {look} {thing}].""",
    # learning
    """{Hero} wanted to learn [how |]to {skill}. [It looked so easy.|{Friend} could do it very well.|Everyone else could do it.] [But|The first time] {he} {skill_wrong}[| and felt {sad}]. {He} tried [again|{number} more times], and [again|each time] {he} {skill_wrong}.

"[I will never learn it|I give up|It is too hard]," {said} {hero}[| {sadly}]. {Friend} [came over|sat down beside {him}|shook {fhis} head]. "[Do not give up|Let me show you|I could not do it at first either]. [You must|The trick is to|It helps to] {skill_how}," {fhe} {said}[| {softly}].

So {hero} practiced {slowly} {at} the {place} [every {part}|for {number} days|until {weekday}]. [One {part}|Then one day|At last] {he} could {skill}! "[I can do it|Look at me|I did it]!" {cried} {hero}. {Friend} {smiled} {gladly}. {Hero} learned that [it pays to try again|nobody is good at the start|a little help makes hard things easy].""",
    # quarrel
    HAD_THING
    + """ [One {part}|That {part}], {friend} wanted to {use} the {thing} too. They [both pulled at it|pulled and pulled], and it [broke|fell down and broke|cracked]. "[Look what you did|You broke my {thing}|It is all your fault]!" {cried} {hero}. {He} was so {angry} that {he} {went} away [without a word|and sat down {spot}].

{Friend} felt {sad}. {Fhe} [looked at the broken {thing}|thought about it for a long time] and [got some glue|went to ask {hero}'s {kin} for help|found some tape {spot2}]. {Fhe} [worked|mended it] {slowly} until the {thing} was [whole again|almost as good as new].

"I am sorry, {hero}. I [did not mean it|should have asked first|was too wild]," {said} {friend}[| {sadly}]. "[I am sorry too|I should not have shouted]," {said} {hero}, and they [hugged|shook hands|{smiled}]. Then they {used} the {thing} together [until the sun went down|and were friends again|and never fought about it again].""",
    # helping an animal
    """[On the way|Near the path|While they played], {hero} {saw} a {creature} {animal} {spot}. The {animal} {trouble}. "[Please help me|Can you help me|I need help]," {said} the {animal}[| {sadly}]. [{Hero} felt {sad} for it.|"[Poor|You poor] {animal}," {said} {friend}.|{Friend} was a little {scared}.]

"[Do not be afraid|We will help you|Wait here]," {said} {hero}[| {softly}]. {Friend} {went} away and [came back with|brought] a {color2} {tool}. [{Slowly}|Very {slowly}], they used the {tool} and {rescue}. [It took a long time.|It was not easy, but they did not stop.|The {animal} held very still.]

"[Thank you|You saved me|You are so kind]!" {cried} the {animal}. [From that day on|After that|Now], the {animal} [came to see them every {part}|was their friend|waited for them {at} the {place}], and [once it brought them {treat}|they all liked to {pastime} together|{hero} was very {glad}].""",
    # a day of weather
    """[On {weekday}|The next {part}|When they met again|When they looked out], {weather_clause}. "[What shall we do|What can we do on such a day]?" {asked} {friend}. "It is so {weather}! [Let us|We could] {weather_fun}," {said} {hero}. [{Gladly}, they got ready.|{His} {kin} gave them [a {color2} coat|{treat}|a warm hug].|They [put on|looked for] their {color2} boots.]

They {went} outside and began to {weather_fun}. But the {weather} day {weather_bad}. "Oh no!" {cried} {friend}, and {fhe} felt {sad}. {Hero} [thought hard|looked around|had an idea]. "Come, [we can rest|let us sit down|let us wait] {spot}," {he} {said}.

{Spot}, they {saw} {junk}, and [they {smiled}|{friend} made up a funny song about it|{hero} told a story about it]. [Later|After a while], they [shared|ate] {treat} and felt {glad}. "[Every kind of weather is good for something|What a day|I like {weather} days]," {said} {hero}[| {gladly}].""",
    # cooking
    """{Hero} wanted to make {dish} for {his} {kin}. "[First|Now] we need {ing}, {ing2} and {ing3}," {said} {friend}. {Hero} put [everything|the {ing} and the {ing2}] in a {color} {pot}, and {friend} stirred {slowly}. [The {dish} began to smell good.|Soon {hero} had {ing3} on {his} nose.|They sang while they worked.]

But {hero} [forgot the {ing3}|put in too much {ing2}|did not watch the {pot}|talked too long], and the {dish} [tasted awful|tasted like {junk_noun}|came out black|tasted very strange]. "[What now|What shall we do]?" {asked} {hero} {sadly}. "[We can try again|Let us ask your {kin}|Everyone makes mistakes]," {said} {friend}.

This time they [worked {slowly}|were more careful|did it step by step]. {Hero}'s {kin} took a bite and {smiled}. "[I never had such good {dish}!|How good this tastes!|May I have more?]" {said} {his} {kin}. They all ate {dish} until [they were full|the {pot} was empty]. {Hero} learned [that mistakes help us learn|to take {his} time|that cooking is more fun with a friend].""",
    # building
    """{Hero} and {friend} wanted to build a {color} {building} {at} the {place}. They [needed|collected|looked everywhere for] {material}. {Hero} [worked|built] {quickly}, and {friend} {slowly}. [By evening|After {number} hours|On {weekday}] the {building} was [ready|finished|as tall as {hero}].

But then {breaker} [broke|knocked down|ruined] the {building}! {Friend} [sat down {spot}|began to cry|kicked a stone] and felt {sad}. "[All our work is gone|It was so lovely]," {fhe} {said}. "[Then we will build a better one|We know how to do it now|We can start again]," {said} {hero}[| {gladly}].

[They used more {material} and made it stronger.|This time they asked {hero}'s {kin} to help.|They carried {material} until their {body} hurt.] The new {building} was [bigger|stronger] than the first, with a {color} flag on top. [Even {breaker} could not break it.|Everyone came to see it.|They had {treat} next to it.] {Hero} learned never to give up.""",
    # a fear
    """{Hero} was not always brave. {He} was [scared|afraid|frightened] of {fear}. {Hero} told nobody but {friend}. [On {weekday}|One {part}|Then one day] {his} {look} {thing} was left {spot} {at} the {place}, and {hero} had to [get it|go there]. "[I cannot go|I am so {scared}]," {he} {said}, and {his} {body} shook.

"[I will come with you|Hold my hand|We can do it together]," {said} {friend}. They {went} [side by side|{slowly}|step by step]. [Then {hero} had to think of {fear}, and {his} heart beat fast.|{Hero} wanted to run home.] But {friend} [said kind words|{smiled}], and {hero} {fear_help}.

[Then {he} saw|It turned out|And then they saw] that {fear_truth}! {Hero} {smiled}. [There was the {thing}, {spot}.|{Spot} {he} {saw} the {thing}.] "[You were very brave|You did it]," {said} {friend}. [From that day on|After that], {fear} did not seem so bad. Being brave does not mean that you are never {scared}.""",
    # a trip
    """[On {weekday}|The next {weekday}|In the summer], {hero}, {friend} and {hero}'s {kin} went to the {trip} {vehicle}. {Hero} took {his} {look} {thing}, and {friend} took {treat}. "[Are we there yet|How far is it|When will we be there]?" {asked} {hero} {number} times. [They {smiled} and sang all the way.|They counted {number} {color} houses on the way.|{Friend} fell asleep on the way.]

At the {trip} they {saw} {sight}. "[Wow|Look|Oh]!" {cried} {friend}. {Hero} [stood quite still|{went} closer] and felt {glad}. [But then|A little later] {hero} [turned around and could not see {his} {kin}|was lost in the crowd]. {He} felt {scared}. "Stay where you are, [then they can find you|and they will come]," {said} a {oldness} {adult}.

Soon {friend} and {his} {kin} [came running|found {him}]. "[There you are|We looked for you everywhere]!" {cried} {his} {kin}. They [ate {treat}|hugged for a long time], and {hero} held {his} {kin}'s hand all the way home. {He} would always remember {sight}.""",
    # a gift
    """It was [nearly |]{friend}'s birthday, and {hero} had no gift. {He} [looked|searched] {spot} and {spot2}, but there was only {junk}. [Then|At the {place}] {he} met a {oldness} {adult} with a {look} {thing}. "[May I have|Can I buy|How much is] the {thing}?" {hero} {asked}.

"[You can have it if you help me|Help me first, and it is yours]," {said} the {adult}. So {hero} [carried heavy bags|swept the floor|picked up leaves|washed the windows|fed the animals] for {number} [hours|days]. [{His} {body} hurt, but {he} did not stop.|{He} worked {slowly} and sang.] "[Well done|You worked hard|Thank you]," {said} the {adult}, and gave {him} the {thing}.

{Hero} put it in a {color2} box. {Friend} opened the box {slowly}. "[A {thing}|Just what I wanted|How [lovely|pretty|wonderful]]! [Thank you|I will always {use} it]," {cried} {friend}. [They shared {treat} and {used} the {thing} together.|{Friend} {used} the {thing} all {part}.] {Hero} learned that [giving feels good|the best gifts come from the heart].""",
    # a plant
    """{Hero} got a tiny {plant} seed from a {oldness} {adult}. "[Give it water and sun|Be patient with it|Look after it well]," {said} the {adult}. {He} put it in the ground {spot} {at} the {place}. Every {part} {hero} brought water in a {color} can. [But for {number} days nothing happened.|{Number} days went by, and there was only {junk}.]

"[It will never grow,|My {plant} is dead,|Why does it take so long?]" {said} {hero}[| {sadly}]. "[Good things take time|Wait a little longer]," {said} {friend}. [So they waited {slowly}.|They made a little fence around it.|They sang to it every {part}.] Then [one {part}|on {weekday}] {hero} {saw} something green.

The {plant} grew and grew until it was [as tall as {hero}|the biggest {plant} {at} the {place}]. "[Look at it|It is so [big|pretty|lovely|bright]]!" {cried} {hero}. {Friend} {smiled} {gladly}. They [gave the seeds to all their friends|showed it to {hero}'s {kin}], and {hero} learned to [wait|be patient].""",
    # a contest
    """There was [a|going to be a] {contest} {at} the {place} on {day}. {Hero} liked to {sport}, but {rival} always won. "[You are too slow|You will never win|Go home]!" {cried} {rival}. {Hero} felt {sad}. "[Do not listen|Just do your best]," {said} {friend}. So every {part} {hero} practiced {slowly}, and {friend} helped {him}.

On {day} {everyone} came. {Hero}'s {body} shook. [The {contest} began.|A {oldness} {adult} blew a {color} whistle.] {Rival} was [ahead|better] at first. But then {rival} [tripped over {junk}|stopped to eat {treat}|looked back and fell down]. {Hero} could win now! {He} [stopped|looked at {friend}] and [went back to help|held out a hand].

{Hero} did not win the {contest}. But everyone [clapped|cheered] for {him}, and the judge gave {him} a {look} {thing}. "[Why did you help me?" {asked}|You were kind to me," {said}] {rival} {sadly}. "[Friends matter more|Winning is not everything]," {said} {hero}. And [from then on|after that] they all liked to {sport} together.""",
    # the truth
    """{Hero} {broke_how} {at} the {place}. Crash! The {look} {breakable} fell down and broke into {number} pieces. {Hero} looked around. Nobody had seen it. {He} hid the pieces {spot} and [ran|hurried|walked|tiptoed|marched] away [quickly|quietly|in a hurry]. {His} {body} shook, and {he} felt {scared}.

"Who broke the {breakable}?" {asked} {hero}'s {kin}. "[Maybe it was the wind|It was not me|I think it was a {animal}]," {said} {hero} {sadly}. That night {he} could not sleep. {He} told {friend} about it. "[Tell the truth|Say what you did]. [You will feel better|That is always best]," {said} {friend}.

[The next {part}|Then|At last] {hero} went to {his} {kin}. "I broke the {breakable}. I am sorry," {he} {said}. {His} {kin} [hugged {him}|{smiled}|was quiet for a while]. "[Thank you for the truth|I am proud of you]. [We can glue it|It was only a {breakable}|Accidents happen]," {khe} {said}. {Hero} felt {glad} again, and learned that it is best to tell the truth.""",
    # a new friend
    """A new {newkind} came to the {place}. {Newname} was {ntrait} and [stood alone {spot}|did not talk to anyone|sat {spot} all {part}]. [Some children laughed at {newname}'s {color} shoes.|Nobody wanted to play with {newname}.] "[Why is {newname} all alone|Who is that]?" {asked} {hero}. "[I do not know|Maybe nobody asked]," {said} {friend}.

{Hero} {went} over with {his} {look} {thing}. "[Do you want to {use} it with us|Would you like to {pastime} with us]?" {he} {asked}. {Newname} {smiled} a little. "[I would like that|Yes, please|I do not know how]," {said} {newname} {sadly}. "[I will show you|Come on|It is easy]!" {cried} {friend}.

They {used} the {thing} together, and {newname} knew many [games|songs|jokes|stories]. [The next day|On {weekday}] {newname} brought them {treat}. [Now they were three friends.|Soon they did everything together.] {Hero} learned that [one kind word can make a friend|new friends are easy to find].""",
    # a treasure
    """{Spot}, {hero} {saw} an old map. It showed the {place} and a {color} cross. "[It must be a treasure!|Let us look for the treasure!|What does it mean?]" {cried} {friend}. First they {went} {number} steps and looked {spot2}, but they found only {junk}. [Then it got dark.|{Friend} wanted to go home.|They were tired and hungry.]

"[One more try|Do not give up|Look again]," {said} {hero}. {He} turned the map around. "[We held it the wrong way|It was upside down]!" {he} {cried}. So they {went} back and dug {spot3}, {slowly} and for a long time. There was a {color2} box! In it lay a {look} {thing} and a letter.

"[Whoever finds this|Dear friend], {use_it} and then hide it again for someone else," {hero} read. So they {used} the {thing} for {number} days. Then they put {treat2} beside it, [and hid the box again|closed the box and drew a new map]. "[I wonder who will find it|The next one will be glad]," {said} {friend}[| {gladly}].""",
)

ENDINGS = (
    "[Later|On the way home|At home], {hero} told {his} {kin} [everything|all about it]. {Khe} {smiled} and gave {him} {treat}.",
    "{Hero} and {friend} [{went} home together|{smiled} all the way home|waved and said goodbye]. [It had been a {weather} and {ending_adj} day.|They could not wait for {weekday}.|Tomorrow they would {pastime} {at} the {place} again.]",
    '[That night|When it was dark], {hero} lay in bed and [thought of {friend}|felt {glad}|dreamed of the {place}]. "[Good night|Sleep well]" was the last thing {he} heard.',
    "And [from that day on|ever after], {hero} and {friend} were the best of friends.",
    "The end.",
    "",
    "",
)

# Lines that several plots share.
SHARED = {
    "seen": "[They saw|They looked at|One could see|They liked] {sight_here}.",
    "felt_sad": "[{Hero} felt {sad}.|{Hero} wanted to cry.|{His} heart felt heavy.|{Hero} could not think of anything else.|]",
    "use_it": "[take good care of it|{use} it well|enjoy it]",
    "everyone": "[everyone|the whole village|all the animals|many people]",
    "ending_adj": "[long|wonderful|funny|busy|very good]",
    "junk_noun": "[old socks|soap|paper|mud|wood|sand]",
    "treat2": "[a sweet|a shell|a drawing|a coin|a marble|a little note]",
}

# What the cells of a row are called in the templates.
TABLES = {
    "thing use used": words.THINGS,
    "dish ingredients pot": words.DISHES,
    "skill skill_wrong skill_how": words.SKILLS,
    "trouble tool rescue": words.TROUBLES,
    "fear fear_truth fear_help": words.FEARS,
    "building material breaker": words.BUILDS,
    "trip vehicle sight": words.TRIPS,
    "contest sport rival": words.CONTESTS,
    "breakable broke_how": words.BREAKABLES,
}


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
            text = self.pick(words.LISTS[key])
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
        name = self.pick([name for name in (words.GIRLS if girl else words.BOYS) if name not in taken])
        kind = self.pick(words.ANIMALS) if self.stream.random() < 0.3 else ("girl" if girl else "boy")
        return (name, kind, "she", "her", "her") if girl else (name, kind, "he", "him", "his")

    def people(self) -> dict[str, str]:
        """Draw hero, friend, newcomer and kin, with what describes them."""
        hero = _named("hero kind he him his", self.person(()))
        friend = _named("friend fkind fhe fhim fhis", self.person((hero["hero"],)))
        newname, newkind, *_ = self.person((hero["hero"], friend["friend"]))
        traits = _named("trait ftrait ntrait", self.several(words.LISTS["trait"], 3))
        met = {"newname": newname, "newkind": newkind, "fintro": f"a {traits['ftrait']} {friend['fkind']}"}
        animals = [name for name in words.ANIMALS if name not in (hero["kind"], friend["fkind"])]
        return hero | friend | traits | met | _named("kin khe khis", self.pick(words.KIN)) | {"animal": self.pick(animals)}

    def setting(self) -> dict[str, str]:
        """Draw place, weather and day, with the words that go with each."""
        at, place, spots, sight_here = self.pick(words.PLACES)
        where = {"at": at, "place": place, "sight_here": sight_here}
        weather = _named("weather weather_clause weather_fun weather_bad", self.pick(words.WEATHERS))
        when = {"part": self.pick(words.LISTS["part"]), "day": self.pick(words.LISTS["weekday"])}
        return where | weather | when | _named("spot spot2 spot3", self.several(spots.split("; "), 3))

    def subject(self) -> dict[str, str]:
        """Draw what the plots are about; a story uses what its plot needs."""
        found: dict[str, str] = {}
        for keys, table in TABLES.items():
            found |= _named(keys, self.pick(table))
        found |= _named("ing ing2 ing3", self.several(found["ingredients"].split("; "), 3))
        found |= _named("color color2 color3", self.several(words.LISTS["color"], 3))
        found |= _named("pastime pastime2", self.several(words.LISTS["pastime"], 2))
        texture, color = self.pick(words.LISTS["texture"]), found["color"]
        found["look"] = self.pick((color, texture, f"{texture} {color}"))
        return found | {key: self.pick(words.LISTS[key]) for key in ("plant", "adult", "body")}


def _named(keys: str, cells: Sequence[str]) -> dict[str, str]:
    return dict(zip(keys.split(), cells, strict=True))


def stories(seed: int, size_bytes: int) -> Iterator[str]:
    """Tell stories until their UTF-8 bytes, with a separator of one byte each, reach size_bytes; a seed decides them all."""
    teller, done = Teller(random.Random(derive_seed(seed, "stories"))), 0
    while done < size_bytes:
        story = teller.story()
        done += len(story.encode()) + 1
        yield story

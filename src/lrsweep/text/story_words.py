"""The words of the stories: plain lists, and tables whose rows keep together what belongs together.

The rows of a table are divided by / or line ends, the cells of a row by |, the choices inside a cell by ;. A changed word changes
every story after it.
"""

import re


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


def _table(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell.strip() for cell in row.split("|")) for row in re.split(r" / |\n", text.strip()))


GIRLS = _words("""Lily Mia Anna Sue Emma Zoe Ella Ruby Nora Ivy Clara Rosa Tina Maya Jane Lucy Amy Kate Hana Olga Vera Wendy
Paula Greta Iris Stella Daisy Molly Nina Elsa Flora Hazel June Kira Leila Mona Sara Beth Polly Sophie Alice Grace Eva Lena
Tara Dora Fiona Gina Holly Jill Kelly Lola Mary Nell Pearl Rita Sally Tess Una Willa Yara Zara Aisha Bella Carmen Donna Erin
Freya Gwen Heidi Ingrid Joy Klara Linda Mei Noor Petra Rani Selma Thea Ursula Vivian Winnie Yoko Zelda""")
BOYS = _words("""Tom Ben Max Sam Tim Leo Jack Finn Omar Noah Paul Hugo Ali Dan Eric Fred Gus Ivan Jim Karl Luis Mark Nick Otto
Pete Ravi Theo Vik Will Yusuf Adam Bob Carl Emil Felix George Alan Billy Colin David Eddie Frank Greg Henry Ian Joe Kevin Liam
Milo Ned Oscar Percy Ralph Simon Toby Umar Victor Walter Xavier Zach Andre Boris Cyrus Dario Elias Farid Gabriel Hassan Isaac
Jonas Kofi Lars Mateo Niels Oliver Pablo Quinn Rohan Stefan Tariq Uri Viktor Wen Yan""")
ANIMALS = _words("""dog cat rabbit fox bear mouse duck frog owl pony hen lamb goat turtle squirrel hedgehog parrot beaver kitten
puppy sparrow goose otter badger deer donkey pig calf penguin monkey robin raccoon lizard hamster panda koala swan seal mole
lion tiger elephant giraffe zebra camel crab snail dragon""")
KIN = _table("""mom|she|her / dad|he|his / grandma|she|her / grandpa|he|his / aunt|she|her / uncle|he|his / big sister|she|her
big brother|he|his""")

# What a thing is called | what one does with it | what one did with it
THINGS = _table("""
ball|bounce|bounced / kite|fly|flew / drum|play|played / whistle|blow|blew / book|read|read / doll|dress|dressed
train|push|pushed / boat|sail|sailed / bell|ring|rang / robot|wind up|wound up / top|spin|spun / hat|wear|wore
scarf|wear|wore / crown|wear|wore / cape|wear|wore / mask|wear|wore / necklace|wear|wore / lamp|light|lit
lantern|light|lit / flute|play|played / guitar|play|played / violin|play|played / trumpet|blow|blew / puzzle|do|did
yo-yo|spin|spun / wagon|pull|pulled / sled|ride|rode / scooter|ride|rode / bike|ride|rode / teddy bear|hug|hugged
blanket|hug|hugged / pillow|hug|hugged / puppet|move|moved / camera|use|used / telescope|look through|looked through
magnifying glass|look through|looked through / balloon|hold|held / umbrella|open|opened / basket|carry|carried
bucket|fill|filled / shovel|use|used / paintbrush|use|used / notebook|write in|wrote in / map|study|studied
compass|follow|followed / shell|listen to|listened to / stone|polish|polished / marble|roll|rolled / coin|flip|flipped
mirror|look into|looked into / clock|wind up|wound up / music box|open|opened / hoop|roll|rolled / ribbon|wave|waved
flag|wave|waved / wand|wave|waved / rattle|shake|shook / toy car|race|raced / toy truck|load|loaded
toy horse|ride|rode / paper plane|throw|threw / snow globe|shake|shook / pinwheel|blow on|blew on
frisbee|throw|threw / backpack|carry|carried / tea set|use|used / lunch box|carry|carried
button|count with|counted with / feather|tickle people with|tickled people with
key|swing on a string|swung on a string""")

# Preposition | place | spots in it | what one sees there
PLACES = _table("""in|park|under the bench; behind the fountain; beside the swings; near the gate|children on the slide
in|garden|under the roses; behind the shed; beside the tomatoes; near the gnome|bees on the flowers
in|forest|under a pine; behind a mossy log; beside the stream; between the ferns|a deer between the trees
on|beach|under a towel; behind a dune; beside a sand castle; near the rock pool|white gulls over the waves
on|farm|under the tractor; behind the haystack; beside the pig pen; near the well|hens in the yard
in|kitchen|under the table; behind the stove; beside the sink; on the top shelf|a pot on the stove
at|school|under a desk; behind the board; beside the coats; near the piano|drawings on the wall
in|meadow|under a bush; behind a rock; beside the brook; in the tall grass|butterflies in the clover
by|river|under the bridge; behind the reeds; beside an old boat; on a flat stone|a fish in the clear water
at|market|under a cart; behind the apples; beside the fish stall; near the scales|baskets full of fruit
in|barn|under the ladder; behind the hay; beside the cow; on a beam|a cat asleep on the straw
in|library|under a chair; behind the tall shelf; beside the globe; between two books|people with open books
on|hill|under the oak; behind the stone wall; beside the path; near the top|the whole town below
by|pond|under the willow; behind the reeds; beside the ducks; on a lily pad|ducks with their babies
in|yard|under the porch; behind the fence; beside the doghouse; near the hose|shirts on the line
in|castle|under the stairs; behind a curtain; beside the throne; in the tower|old flags on the walls
in|cave|under a ledge; behind a boulder; beside the pool; in a dark corner|bats on the ceiling
in|bakery|under the counter; behind the flour; beside the oven; on a tray|rows of warm bread
at|harbor|under a net; behind the barrels; beside the ropes; on the deck|boats with tall masts
in|orchard|under a pear tree; behind the crates; beside the ladder; in the leaves|red apples on every branch
on|playground|under the slide; behind the sandbox; beside the seesaw; near the bars|a long line at the slide
in|museum|under a bench; behind a statue; beside the dinosaur; near the door|the bones of a whale
in|attic|under a sheet; behind a trunk; beside the window; in a box|dust in the sunlight
at|station|under a seat; behind the clock; beside the tracks; near the tickets|people with big bags
on|island|under a palm; behind the hut; beside the tent; in the sand|turtles on the shore
in|valley|under a bridge; behind a mill; beside the sheep; near the spring|sheep like little clouds
at|zoo|under a sign; behind the cage; beside the monkeys; near the elephants|a monkey with a banana
at|fair|under a tent; behind the wheel; beside the candy; near the ponies|a wheel full of lights
in|greenhouse|under the pots; behind the palms; beside the hose; on the soil|green leaves up to the roof
in|workshop|under the bench; behind the saw; beside the paint; in a drawer|tools in a neat row
in|desert|under a cactus; behind a dune; beside the camels; in the shade|sand as far as the sky
on|mountain|under a ledge; behind the cabin; beside the snow; near the cliff|an eagle above the peaks
in|treehouse|under the mat; behind the curtain; beside the lamp; in the chest|leaves at the window
in|village|under an arch; behind the church; beside the well; near the inn|smoke above the roofs""")

# Weather of a day | what one noticed | what it was good for | what it did
WEATHERS = _table("""sunny|the sun was shining|lie in the grass|made everyone thirsty
rainy|rain tapped on the windows|jump in puddles|filled the streets with water
windy|the wind shook the trees|fly kites|blew all the hats away
snowy|snow covered the ground|build a snowman|made the road slippery
cloudy|gray clouds hung in the sky|look for shapes in the clouds|hid the sun
foggy|fog hid the houses|play hide and seek|made it hard to see the way
stormy|thunder rolled far away|tell stories by candlelight|scared the cats and dogs
frosty|ice shone on every branch|slide on the ice|froze the water in the well
hot|the air was warm and still|splash in cool water|melted the ice cream
chilly|leaves danced along the road|make hot cocoa|made every nose red
mild|birds sang on the roofs|have a picnic|brought out the bees
breezy|the flags were flapping|blow bubbles|scattered the papers
misty|drops hung on the spider webs|count the drops on the grass|wet everyone's shoes
bright|there was not a cloud in the sky|draw with chalk on the road|dried the whole wash""")

# What one learns | how it goes wrong | how it is done
SKILLS = _table("""ride a bike|fell into the bushes|look ahead and not down
swim|swallowed a lot of water|kick with both legs
whistle|made only a hissing sound|make your lips round
dance|stepped on everyone's feet|listen to the beat first
read|mixed up all the letters|say one sound at a time
climb a tree|slid back down|hold on with both hands
bake bread|burned every loaf|watch the oven closely
juggle|dropped all the balls|start with only one ball
tie a knot|got tangled in the string|make a loop and pull
draw a horse|drew something like a potato|begin with the big shapes
sing|scared the birds away|breathe deep into your belly
catch a fish|caught an old boot|sit very still
skate|landed on the ice|bend your knees a little
sew|pricked a finger|take small stitches
paint|spilled the blue paint|use a little paint at a time
count to a hundred|always forgot fifteen|go ten by ten
skip rope|tripped over the rope|jump when it touches the ground
play the piano|hit all the wrong notes|play it slowly first
row a boat|went around in circles|pull both oars together
tell jokes|laughed before the end|wait before the last word
plant seeds|watered them too much|give them sun and time
tell the time|mixed up the two hands|look at the short hand first
write a name|wrote it backward|start on the left
throw far|hit the fence|step forward as you let go
fold a paper crane|tore the paper|press every fold flat
stand on one leg|fell over sideways|look at one spot
build a fire|made only smoke|put the small sticks first
ski|slid down backward|point your feet together""")

# What an animal suffers from | what one uses | what one does
TROUBLES = _table("""was stuck in the mud|rope|pulled it out
was caught in a net|stick|lifted the net
had a thorn in its foot|leaf|took out the thorn
had fallen into a hole|ladder|helped it climb out
was shaking with cold|blanket|wrapped it up
could not reach the water|bowl|gave it a drink
had hurt its leg|bandage|made it feel better
was trapped behind a fence|shovel|dug a way out
had lost its family|lantern|searched with it
was hungry and thin|basket|brought it food
was afraid to come down|pole|guided it down
was tangled in string|knife|cut it free
was floating on a log|hook|brought it to the shore
could not lift a branch off its tail|board|moved the branch
had flown into a window|box|let it rest
had a jar on its head|towel|pulled the jar off""")

# Fear | what was behind it | what helped
FEARS = _table("""the dark|the shadows were only coats|lit a small lamp
thunder|it was only clouds that bumped together|counted between the bangs
deep water|the water carried them|held on to a board
high places|the view was lovely|looked only at the next step
the big dog|it only wanted to play|let it sniff one hand
loud noises|it was only a drum|put soft wool in both ears
spiders|they were busy with their webs|watched one from far away
the old house|a kind old lady lived there|knocked on the door
new people|they were nice|smiled and said hello
the doctor|it did not hurt|squeezed a warm hand
being alone|home was never far|sang a little song
monsters|there was only a sock|looked under the bed
the wind|it only wanted to play with the leaves|listened to its tune
the forest|the noises came from a tiny bird|walked hand in hand
the stage|everyone was clapping|took three deep breaths
bees|they only wanted the flowers|stood quite still""")

# Dish | what it is made of | where
DISHES = _table("""pancakes|flour; milk; eggs|pan / soup|carrots; beans; onions|pot / bread|flour; yeast; water|tin
cookies|butter; sugar; oats|tray / jam|berries; sugar; lemon juice|jar / pudding|milk; vanilla; eggs|bowl
porridge|oats; milk; honey|pot / muffins|flour; berries; butter|tin / stew|potatoes; meat; peas|pot
salad|tomatoes; cheese; leaves|bowl / noodles|flour; eggs; salt|pot / dumplings|flour; cabbage; mushrooms|steamer
pizza|dough; tomatoes; cheese|oven / pie|apples; cinnamon; butter|dish / lemonade|lemons; sugar; ice|jug
ice cream|cream; sugar; strawberries|bowl / rice|rice; coconut; raisins|pot / waffles|flour; eggs; syrup|iron
popcorn|corn; butter; salt|pan / fudge|chocolate; cream; nuts|tin""")

# What is built | of what | what breaks it
BUILDS = _table("""treehouse|boards and nails|the wind / snowman|snow and a carrot|the sun / sand castle|sand and shells|a wave
raft|logs and rope|a rock / bridge|stones and planks|the river / birdhouse|wood and glue|a naughty cat
tent|sheets and chairs|the rain / tower|blocks and boxes|a puppy / rocket|cardboard and tape|a puddle
fence|sticks and wire|a goat / swing|a tire and rope|a broken branch / cart|wheels and a crate|a bump
puppet stage|cloth and poles|a loud sneeze / hut|branches and leaves|the storm / dam|pebbles and mud|a big duck
windmill|paper and pins|a gust of wind""")

# Where to | how | what there was
TRIPS = _table("""sea|by train|waves taller than a house
mountains|on a bus|snow in the middle of summer
city|by car|shops with a thousand lights
lake|by bike|a boat with a red sail
moon museum|on a tram|a rock from space
waterfall|on foot|a rainbow in the spray
lighthouse|in a small boat|a lamp as big as a cow
volcano park|on a donkey|steam that came out of the ground
circus|in a taxi|a clown on a tall bike
palace|in a carriage|a room made of gold
farm show|in a truck|a pumpkin as big as a table
rainforest house|on the subway|frogs in every color
airport|by bus|planes like giant birds
hot springs|on a pony|warm water between the rocks
cheese fair|in a cart|a mouse that wore a vest""")

CONTESTS = _table("""race|run|the fast hare / swimming race|swim|the sleek otter / singing contest|sing|the proud canary
baking contest|bake|the famous baker / kite contest|fly kites|the tall twins / jumping contest|jump|the strong frog
drawing contest|draw|the neat goose / spelling contest|spell|the clever owl / boat race|row|the loud sailor
dance contest|dance|the graceful swan""")
BREAKABLES = _table("""
vase|ran through the hall / window|kicked a ball too hard / cup|reached for a cookie / plate|danced on the table
clock|climbed on a chair / lamp|threw a pillow / mirror|spun around too fast / jar of honey|carried too much at once
flower pot|jumped over it / teapot|pretended to be a waiter""")

LISTS = {
    "color": _words("red blue green yellow purple orange pink white black brown silver golden gray violet turquoise"),
    "texture": _words("""shiny old new tiny smooth soft heavy dusty striped spotted round little long plain bright strange pretty
        wooden sturdy fancy painted simple sparkling worn handmade lovely crooked light fine lucky neat clean rusty special"""),
    "trait": _words("""brave shy kind curious clever careful gentle proud quiet cheerful lonely patient silly grumpy nervous
        playful lazy polite stubborn friendly helpful thoughtful noisy restless messy calm generous bold merry wise busy dreamy
        serious timid lively daring forgetful tidy hopeful eager"""),
    "glad": _words("happy glad proud cheerful excited thankful delighted joyful pleased relieved warm content hopeful"),
    "sad": _words("sad upset gloomy unhappy miserable lonely worried sorry disappointed hurt blue heartbroken"),
    "angry": _words("angry mad cross furious annoyed grumpy bitter"),
    "scared": _words("scared afraid frightened nervous anxious worried shaky uneasy"),
    "slowly": _words("slowly carefully quietly patiently calmly gently softly steadily silently cautiously"),
    "gladly": _words("happily gladly cheerfully merrily joyfully proudly eagerly brightly warmly playfully"),
    "plant": _words("""sunflower pumpkin tomato bean rose tulip carrot cherry pea melon daisy pepper radish strawberry poppy
        lavender"""),
    "softly": _words("softly kindly gently quietly warmly calmly sweetly"),
    "sadly": _words("sadly quietly softly nervously shyly weakly gloomily sheepishly tearfully"),
    "quickly": _words("quickly suddenly eagerly wildly bravely boldly hastily swiftly"),
    "went": _words("""walked ran hurried skipped wandered marched rushed tiptoed strolled hopped jogged raced danced climbed
        trotted dashed"""),
    "saw": _words("saw found noticed spotted discovered"),
    "said": _words("said said said said replied answered whispered"),
    "cried": _words("cried cried shouted called yelled exclaimed laughed"),
    "asked": _words("asked asked asked wondered"),
    "smiled": _words("smiled grinned laughed giggled nodded beamed clapped cheered"),
    "creature": _words("small little young gray brown white tiny thin fluffy pale"),
    "part": _words("morning afternoon evening"),
    "weekday": _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "number": _words("two three four five six seven eight nine ten"),
    "junk": _phrases("""an old shoe; a pile of leaves; a sleeping cat; some dust; a broken cup; a wet sock; a lost mitten; an
        empty box; a nest with eggs; a fat worm; a bent spoon; a torn picture; a ladybug; a stick; three acorns; a cold stone;
        some crumbs; a piece of string; a green beetle; a paper bag; a rusty nail; a puddle; a toad"""),
    "treat": _phrases("""an apple; a cookie; a slice of cake; a warm bun; a bowl of soup; some berries; a piece of
        pie; some grapes; a pear; some toast with jam; a muffin; some warm bread; a peach; a sandwich; some
        noodles; a pancake; some cheese; a banana; some nuts; a plum"""),
    "adult": _phrases("""farmer; baker; sailor; teacher; painter; shopkeeper; gardener; doctor; fisherman; tailor; librarian;
        carpenter; nurse; driver; postman; cook; king; queen; wizard; shepherd; potter; clown; miller; neighbor; captain"""),
    "oldness": _words("old kind tall friendly wise funny busy round quiet gentle cheerful"),
    "pastime": _phrases("""chase butterflies; sing songs; look at clouds; collect stones; play tag; read stories; help people;
        draw pictures; watch the birds; dig holes; count the stars; ask questions; make funny faces; roll down hills; play
        pretend; build things; eat sweet things; tell stories; splash in water; climb on everything; listen to music; look for
        bugs; play with friends; dance around; learn new words; take long walks"""),
    "body": _words("legs knees arms shoulders feet ears"),
}

"""Four check words of a record, which reveal a slip in a printed or spoken copy.

    record 31     commitment d1c4 07e9 ...     SHA-256 over the record's bytes
                                               (docs/spec/record.md §8)
    first 4 bytes d1 c4 07 e9                  each names a word of the list, from 0
    check words   silver ribbon autumn tulip

They are said after the record's number, in print and by voice. Another record has the
same four words once in 2^32: they find slips, and prove nothing. The list never
changes. Its words are plain English, of 4 to 7 letters. They differ from each other in
at least two letters, and none is a word of the spelling alphabet.
"""

from typing import Final

_LIST: Final = """
acorn almond anchor ankle apron arrow atlas autumn avenue badge bakery balcony bamboo banana banner
barley basket beacon beaver bench bicycle biscuit bishop blanket blossom bonnet bottle boulder
branch bread brick bridge bronze broom bucket buffalo butter cabbage cabin cactus camel canvas
canyon carpet castle cedar ceiling cement chapel cherry chess chimney cinema circle clover cobalt
cobbler coconut coffee compass copper coral cotton cousin cradle cricket crystal curtain cushion
daisy desert diamond dinner dolphin domino donkey dragon drawer eagle ebony elbow engine evening
fabric falcon farmer feather fence fiddle finger flannel flower flute forest fossil galaxy gallery
garden garlic geyser giraffe glacier goblet gondola granite grape guitar hammer hamster harbour
harvest helmet hockey horizon iceberg igloo insect island ivory jacket jaguar jasmine jelly jigsaw
jungle juniper kayak kennel kettle kitchen ladder lagoon lantern laurel lemon leopard lettuce lilac
lizard lobster lumber magnet mango marble market meadow mirror mosaic muffin museum mustard napkin
nectar needle nutmeg oasis oatmeal ocean olive onion orange orchard otter oxygen oyster paddle
palace panda parrot pasture peach peanut pebble pelican pencil pepper piano picnic pigeon pillow
pilot planet pocket potato prairie pretzel pumpkin puzzle quartz quilt rabbit radar radish railway
raisin raven ribbon river rooster saffron salmon sandal satchel saucer scarf school season shadow
shelter silver sketch sleigh spider spinach sponge spoon squash statue summer sunset sweater table
tailor tapioca teapot temple thunder ticket tiger timber tomato tractor trumpet tulip tundra tunnel
turtle urchin valley vanilla velvet vessel village vinegar violin volcano wagon walrus whistle
window winter wooden yellow yogurt zebra zipper
"""

WORDS: Final = tuple(_LIST.split())
"""The words of the 256 bytes, in the order of the bytes."""

COUNT: Final = 4


def check_words(commit: str) -> tuple[str, ...]:
    """Return the check words of a commitment, which is in hex."""
    return tuple(WORDS[byte] for byte in bytes.fromhex(commit[: 2 * COUNT]))

"""Which words mean which interest."""

import re

WORDS = {
    "food": r"food|foodie|eat|eating|cuisine|culinary|gastronom\w+|restaurants?|cooking|tapas|pasta|markets?",
    "art": r"arts?|museums?|galler(?:y|ies)|paintings?|painters?|exhibitions?|sculptures?",
    "history": r"histor\w+|ruins?|castles?|ancient|archaeolog\w+|roman|medieval|temples?|old towns?|culture|cultural",
    "architecture": r"architecture|buildings?|cathedrals?|palaces?|design",
    "nature": r"nature|hik(?:e|es|ing)|mountains?|outdoors?|trek\w*|national parks?|walks|landscapes?|wildlife"
    r"|volcano\w*|whales?|northern lights|forests?",
    "beach": r"beach(?:es)?|swim(?:ming)?|sea|seaside|surf\w*|snorkel\w*|diving|sunbath\w+|coast",
    "nightlife": r"nightlife|clubs?|clubbing|party|partying|bars?|pubs?|dancing",
    "music": r"music|concerts?|operas?|jazz|flamenco|fado|gigs?",
    "wine": r"wines?|winer(?:y|ies)|vineyards?|wine tasting",
    "shopping": r"shopping|shops?|boutiques?|bazaars?|souks?|vintage",
    "snow": r"snow|ski(?:ing|s)?|snowboard\w*|winter sports?",
    "wellness": r"wellness|spas?|yoga|thermal|baths?|sauna|massages?|relax\w*|hammam",
    "family": r"kids?|child(?:ren)?|toddlers?|family|families",
}
PATTERNS = {interest: re.compile(rf"\b(?:{words})\b") for interest, words in WORDS.items()}
SEASONAL = ("snow", "beach")
"""Interests that are there in some months only."""
WARM = re.compile(r"\b(?:warm(?:er)?|hot(?:ter)?|sun|sunn(?:y|ier)|sunshine|heat|too cold)\b")
COOL = re.compile(r"\b(?:cool(?:er)?|(?<!too )cold(?:er)?|fresh air|(?:not |not too |not so |too |less )hot|no heat)\b")


def find_interests(text: str) -> tuple[str, ...]:
    """The interests that `text` (lower case) speaks of, in the order of their first word."""
    text = re.sub(r"\bparty of\b|\bfamily of\b|\bthe old town of\b", " ", text)
    found = {interest: match.start() for interest, pattern in PATTERNS.items() if (match := pattern.search(text))}
    return tuple(sorted(found, key=found.__getitem__))


def find_weather(text: str) -> str:
    """`warm`, `cool` or nothing."""
    if COOL.search(text):
        return "cool"
    return "warm" if WARM.search(text) else ""


CROWD_WORDS = re.compile(r"\b(?:crowds?|crowded|(?:mass )?touris(?:ts?|m|ty)|busy)\b")
_QUIET = re.compile(
    r"\b(?:uncrowded|off the beaten (?:track|path)|hidden gems?|quiet\w*|peaceful|secluded"
    r"|(?:away|far|escape) from (?:the |all the )?(?:crowds|tourists)|escape (?:the )?crowds"
    r"|(?:fewer|less|few|too many) (?:crowds|crowded|tourists|people)|(?:too|so) (?:crowded|busy|touristy|full))\b"
)


def find_quiet(text: str, ruled_out: str) -> tuple[str, ...]:
    """The words that ask for fewer crowds; `ruled_out` is what the task says it does not want."""
    asked = [found[0] for found in _QUIET.finditer(text)]
    return (*asked, *(found[0] for found in CROWD_WORDS.finditer(ruled_out)))

"""One trip that could be made: where, how long, in which style, and what it costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from .places import MONTHS, Place, get_place
from .taste import best_month
from .wish import Wish
from .words import days_text

STYLES = {"thrifty": (0.6, 0.75, 0.8), "standard": (1.0, 1.0, 1.0), "comfort": (1.7, 1.4, 1.3)}
"""What rooms, meals and days out cost in each style, against the usual."""


@dataclass(frozen=True)
class Trip:
    """A place, a month, a number of days, a style and a party; all prices follow from these."""

    place: Place
    month: int
    days: int
    style: str
    party: int

    @property
    def id(self) -> str:
        """`porto-5d`, or with a style `porto-thrifty-3d`; `read_trip` reads it back."""
        style = "" if self.style == "standard" else f"-{self.style}"
        return f"{self.place.id}{style}-{self.days}d"

    @property
    def title(self) -> str:
        """For people: `Porto, 5 days in October`."""
        style = "" if self.style == "standard" else f", {self.style}"
        return f"{self.place.name}, {days_text(self.days)} in {self.month_name}{style}"

    @property
    def month_name(self) -> str:
        return MONTHS[self.month - 1]

    def costs(self) -> list[tuple[str, str, int]]:
        """(what, how it is counted, EUR), whole numbers that add up to `total`."""
        rooms, nights = ceil(self.party / 2), self.days - 1
        room, meals, local = (
            round(price * factor)
            for price, factor in zip(
                (self.place.room, self.place.meals, self.place.local), STYLES[self.style], strict=True
            )
        )
        fare = self.place.fare(self.month)
        return [
            ("Return flight", f"{self.party} x €{fare}", self.party * fare),
            ("Room", f"{rooms} x {nights} night{'s' * (nights != 1)} x €{room}", rooms * nights * room),
            ("Meals", f"{self.party} x {days_text(self.days)} x €{meals}", self.party * self.days * meals),
            (
                "Getting around, entries",
                f"{self.party} x {days_text(self.days)} x €{local}",
                self.party * self.days * local,
            ),
        ]

    @property
    def total(self) -> int:
        """EUR for everybody."""
        return sum(amount for _, _, amount in self.costs())

    @property
    def worst(self) -> int:
        """EUR for everybody if the flights cost the high season's fare."""
        return self.total + self.party * (self.place.flight[1] - self.place.fare(self.month))

    def share(self, wish: Wish) -> float:
        """How much of the days that were asked for it has, 0 to 1."""
        return self.days / max(wish.days, 1)

    def fits(self, wish: Wish) -> bool:
        """Whether it is within the budget, if there is one."""
        return wish.budget is None or self.total <= wish.budget


def build_trip(place: Place, wish: Wish, *, days: int = 0, style: str = "") -> Trip:
    """The trip to `place` in its best month of those that would do."""
    return Trip(place, best_month(place, wish), days or wish.days, style or wish.style, wish.party)


def read_trip(option_id: str, wish: Wish) -> Trip:
    """The trip that an option's id names; its month and party follow from the wish, as when it was proposed."""
    name, _, days = option_id.rpartition("-")
    head, _, style = name.rpartition("-")
    if style not in STYLES:
        head, style = name, "standard"
    return build_trip(get_place(head), wish, days=int(days.removesuffix("d")), style=style)


def styles_down(style: str) -> Iterator[str]:
    """`style` and the cheaper ones, dearest first."""
    order = list(STYLES)
    yield from reversed(order[: order.index(style) + 1])

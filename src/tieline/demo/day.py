"""Who does what in the demo's day, and how it is told. Data only; `play` does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tieline.standin import Act

LENGTH_MINUTES = 570
"""From the first sync in the morning to the second in the evening."""

INES = "ines.falk@halden-optics.example"
MAREK = "marek.dvorak@halden-optics.example"
PRIYA = "priya.raman@brightwater-foods.example"
OSKAR = "oskar.lind@torvik-shipping.example"
YARA = "yara.nasser@brightwater-foods.example"
JONAS = "jonas.weber@torvik-shipping.example"
NILS = "nils.ahlgren@fennel.example"
"""A lead of sales: nobody else knows him before the first sync."""
DEAL = "Halden Optics - Sensors"
BRIGHTWATER = "Brightwater Foods Ltd"
HALDEN = "Halden Optics GmbH"
STAGE = "Negotiation/Review"
TYPED_DEAL, TYPED_STAGE = "Torvik Shipping - Gauges", "Needs Analysis"


class Deed(NamedTuple):
    """One thing that happens: when (minutes after the first sync), on which side, and the words for it."""

    minute: int
    system: str
    act: Act
    told: str


DAY: Sequence[Deed] = (
    Deed(38, "crm", Act("edit", "opportunity", DEAL, {"stage": STAGE}), "Mei moves a deal to Negotiation/Review"),
    Deed(
        64,
        "marketing",
        Act("edit", "contact", INES, {"title": "Chief Engineer"}),
        "Sofia mends a typo in the title of Ines Falk",
    ),
    Deed(121, "crm", Act("edit", "contact", MAREK, {"mobile": "555 0171"}), "Tom notes Marek Dvorak's mobile"),
    Deed(133, "crm", Act("convert", "contact", NILS), "Tom converts the lead Nils Ahlgren"),
    Deed(
        155,
        "marketing",
        Act("edit", "contact", MAREK, {"title": "Head of Procurement"}),
        "Sofia notes that Marek Dvorak was promoted",
    ),
    Deed(178, "support", Act("edit", "contact", MAREK, {"phone": "555 0173"}), "Ruth has Marek Dvorak's new number"),
    Deed(210, "crm", Act("edit", "contact", PRIYA, {"phone": "555 0142"}), "Amara corrects Priya Raman's phone"),
    Deed(
        243,
        "marketing",
        Act("edit", "contact", PRIYA, {"phone": "555 0199"}),
        "Lukas corrects it too, to another number",
    ),
    Deed(
        287,
        "office",
        Act("edit", "opportunity", TYPED_DEAL, {"stage": TYPED_STAGE}),
        "Mei types a deal's new stage into the sheet",
    ),
    Deed(
        330, "crm", Act("edit", "contact", OSKAR, {"title": "Fleet Director"}), "Tom writes down Oskar Lind's new title"
    ),
    Deed(
        330,
        "marketing",
        Act("edit", "contact", OSKAR, {"title": "VP Logistics"}),
        "and Sofia, in the same second, another one",
    ),
    Deed(
        362,
        "support",
        Act("edit", "account", HALDEN, {"industry": "Lenses"}),
        "Ruth changes the industry of Halden Optics",
    ),
    Deed(405, "support", Act("opt_out", "contact", YARA), "Yara Nasser asks support for no more e-mail"),
    Deed(442, "crm", Act("merge", "contact", JONAS), "Lukas merges the two entries of Jonas Weber"),
    Deed(
        488,
        "crm",
        Act("edit", "account", BRIGHTWATER, {"x_tier": "Platinum"}),
        "Amara makes Brightwater Foods a Platinum account",
    ),
)

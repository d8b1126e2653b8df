"""What the demo's company is made of: names, trades, places, titles. Data only; every domain is reserved (RFC 2606)."""

from __future__ import annotations

from collections.abc import Mapping


def _listed(text: str, between: str | None = None) -> list[str]:
    return text.split(between)


FIRST = _listed(
    "Aisha Amir Anna Beatriz Ben Carla Chidi Clara Daniel David Elena Elif Emma Erik Farid Fatima Felix Grace Greta "
    "Hana Hannah Henrik Hugo Ingrid Ivan Jack Jana James Julia Karim Kenji Kofi Lars Laura Lena Leo Liam Linda Lucia "
    "Mara Maria Mateo Maya Mina Nadia Nils Noah Nora Olga Omar Paula Pedro Peter Rosa Samuel Sara Sean Simon Stella "
    "Theo Tim Uma Vera Victor Wei Zoe"
)
LAST = _listed(
    "Abbott Adeyemi Ahmed Andersson Baker Becker Berg Bianchi Bishop Braun Castillo Chen Clarke Costa Cruz Dubois "
    "Eriksen Evans Fischer Fontaine Foster Garcia Gomez Gupta Haas Hansen Hoffmann Horvat Hughes Ibrahim Ito Jansen "
    "Kaya Keller Khan Kowalski Larsen Lopez Martin Mendes Meyer Moreau Murphy Müller Nakamura Nguyen O'Brien Olsen "
    "Osei Park Patel Perez Petrov Quinn Rossi Ryan Santos Schmidt Shah Silva Singh Sokolov Stone Suzuki Turner Vargas "
    "Vogel Walker Wright Zhang"
)
STEMS = _listed(
    "Alder Amber Anchor Arbour Argent Aspen Beacon Birch Bluewater Bramble Cairn Cedar Clearfield Cobalt Copper "
    "Crescent Delta Drift Ember Fairway Falcon Fjord Foxglove Granite Hawthorn Heron Highland Indigo Juniper Kestrel "
    "Lantern Larch Linden Lumen Maple Meridian Millstone Northgate Oakley Onyx Orchard Osprey Pioneer Quarry Redwood "
    "Riverbend Rowan Saffron Slate Sterling Summit Tamarind Thistle Timber Umber Vantage Vector Willow Zephyr"
)
TRADES: Mapping[str, str] = {
    "Analytics": "Technology",
    "Apparel": "Apparel",
    "Bank": "Banking",
    "Clinics": "Healthcare",
    "Construction": "Construction",
    "Energy": "Energy",
    "Foods": "Food & Beverage",
    "Freight": "Shipping",
    "Insurance": "Insurance",
    "Machines": "Machinery",
    "Media": "Media",
    "Retail": "Retail",
    "Software": "Technology",
    "Telecom": "Telecommunications",
    "Textiles": "Apparel",
}
"""The last word of a company's name → its industry."""
FORMS = (" Ltd", " GmbH", ", Inc.", " AG", " plc", "", "")
TYPES = ("Prospect", "Prospect", "Prospect", "Technology Partner", "Channel Partner / Reseller", "Other")
TIERS = ("Bronze", "Bronze", "Silver", "Gold")
TITLES = _listed(
    "CEO;CFO;CTO;Head of Marketing;Marketing Manager;VP Sales;Sales Director;Operations Manager;Buyer;IT Manager;"
    "Head of Procurement;Office Manager;Data Analyst;Project Lead;Plant Manager;Head of Logistics",
    ";",
)
PLACES = (
    ("Berlin", None, "10115", "Germany", "49", "30"),
    ("Lyon", None, "69002", "France", "33", "4"),
    ("Austin", "TX", "78701", "United States", "1", "512"),
    ("Boston", "MA", "02110", "United States", "1", "617"),
    ("Leeds", None, "LS1 4AP", "United Kingdom", "44", "113"),
    ("Porto", None, "4050-253", "Portugal", "351", "22"),
    ("Osaka", None, "530-0001", "Japan", "81", "6"),
)
"""City, state, postal code, country, and how its telephone numbers begin: country code, area."""
COUNTRIES: Mapping[str, str] = {"Germany": "Deutschland", "United States": "USA", "United Kingdom": "UK"}
"""How somebody else may write a country."""
STREETS = ("High Street", "Station Road", "Market Square", "Mill Lane", "King Street", "Harbour Way")
PRODUCTS = ("Sensors", "Platform", "Service contract", "Pilot", "Expansion", "Renewal", "Training", "Spare parts")
STAGES = _listed(
    "Qualification;Needs Analysis;Value Proposition;Proposal/Price Quote;Negotiation/Review;Closed Won;Closed Lost",
    ";",
)
ROLES = ("Decision Maker", "Economic Buyer", "Evaluator", "Influencer", None)
SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
LOST = ("Price", "No budget", "Went quiet", "Bought elsewhere")
LEAD_STATUS = ("NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "BAD_TIMING")
LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
CAMPAIGNS = ("Webinar", "Trade Show", "Email", "Conference")

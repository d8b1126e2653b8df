"""Which fields of a person in Google Contacts are which canonical fields. Pure; knows no HTTP.

A person's fields are lists, so a column names which entry of one is meant: `AREA.PART` of the main entry (`names`,
`organizations`, `addresses`), `emailAddresses.primary` and `.others`, `phoneNumbers.TYPE`, `userDefined.KEY`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline import Rule

EMAILS, PHONES, OWN = "emailAddresses", "phoneNumbers", "userDefined"
PRIMARY, OTHERS = "primary", "others"
CLIENT, MEMBERSHIPS, METADATA = "clientData", "memberships", "metadata"
HUB_KEY = "tieline_id"
"""The key in `clientData` under which the hub's id stands."""
WORK = "work"
"""The type of a telephone number that is a contact's `phone`; one without a type counts as such."""
CONTACT = "CONTACT"
ONLY_CONTACTS = "READ_SOURCE_TYPE_CONTACT"
"""What is asked for: what people keep of a person, not what the person says of itself in a profile."""
NAMES, JOBS, ADDRESSES = "names", "organizations", "addresses"
PARTS: Mapping[str, frozenset[str]] = {
    NAMES: frozenset(
        {
            *("familyName", "givenName", "honorificPrefix", "honorificSuffix", "middleName", "phoneticFamilyName"),
            *("phoneticFullName", "phoneticGivenName", "phoneticHonorificPrefix", "phoneticHonorificSuffix"),
            "phoneticMiddleName",
        }
    ),
    JOBS: frozenset(
        {
            *("costCenter", "department", "domain", "jobDescription", "location", "name", "phoneticName", "symbol"),
            "title",
        }
    ),
    ADDRESSES: frozenset(
        {
            *("city", "country", "countryCode", "extendedAddress", "poBox", "postalCode", "region"),
            "streetAddress",
        }
    ),
}
"""The parts of an entry that hold text and may be written [spec]. A name as a whole (`displayName`) is put together by
Google."""
SENT: Mapping[str, frozenset[str]] = {
    NAMES: PARTS[NAMES],
    JOBS: PARTS[JOBS] | {"current", "endDate", "fullTimeEquivalentMillipercent", "startDate", "type"},
    ADDRESSES: PARTS[ADDRESSES] | {"formattedValue", "type"},
    EMAILS: frozenset({"displayName", "type", "value"}),
    PHONES: frozenset({"type", "value"}),
    OWN: frozenset({"key", "value"}),
    CLIENT: frozenset({"key", "value"}),
}
"""What of an entry is sent back: all that is not output only [spec]."""
TABLE: Sequence[Rule] = (
    Rule(f"{EMAILS}.{PRIMARY}", "email"),
    Rule(f"{EMAILS}.{OTHERS}", "other_emails"),
    Rule("names.givenName", "first_name"),
    Rule("names.familyName", "last_name"),
    Rule("organizations.title", "title"),
    Rule(f"{PHONES}.{WORK}", "phone"),
    Rule(f"{PHONES}.mobile", "mobile"),
    Rule("addresses.streetAddress", "address.street"),
    Rule("addresses.city", "address.city"),
    Rule("addresses.region", "address.state"),
    Rule("addresses.postalCode", "address.postal_code"),
    Rule("addresses.country", "address.country"),
)


def known(column: str) -> bool:
    """Whether there is such a column."""
    area, _, part = column.partition(".")
    if area in PARTS:
        return part in PARTS[area]
    if area == EMAILS:
        return part in (PRIMARY, OTHERS)
    return area in (PHONES, OWN) and bool(part)

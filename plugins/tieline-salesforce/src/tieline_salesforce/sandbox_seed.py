"""What every org holds from its first day: itself, its users, its sales stages. Data only."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import STAFF
from tieline_salesforce.sandbox_derive import stage_facts
from tieline_salesforce.sandbox_schema import STAGES
from tieline_salesforce.sandbox_values import wire_time

INTEGRATION = ("Integration", "User", "integration@northbay.example")
_FORECAST_CODES = {"Closed": "Closed", "Omitted": "Omitted", "Pipeline": "Pipeline"}


def basics(now: int) -> dict[str, list[dict[str, Any]]]:
    """The objects an empty org holds; all made at `now`."""
    return {
        "User": [_user(*INTEGRATION, now), *(_user(*person, now) for person in STAFF)],
        "Organization": [_organization(now)],
        "OpportunityStage": [_stage(number, stage[0]) for number, stage in enumerate(STAGES, 1)],
    }


def _user(first: str, last: str, email: str, now: int) -> dict[str, Any]:
    return {
        "FirstName": first,
        "LastName": last,
        "Username": email,
        "Email": email,
        "Alias": email.partition("@")[0][:8],
        "IsActive": True,
        "TimeZoneSidKey": "UTC",
        "LocaleSidKey": "en_GB",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "UserType": "Standard",
        "CreatedDate": wire_time(now),
    }


def _organization(now: int) -> dict[str, Any]:
    access = {"Account": "Edit", "Contact": "ControlledByParent", "Opportunity": "Edit", "Lead": "ReadEditTransfer"}
    return {
        "Name": "Northbay Instruments",
        "Country": "GB",
        "PrimaryContact": "Integration User",
        "DefaultLocaleSidKey": "en_GB",
        "TimeZoneSidKey": "UTC",
        "LanguageLocaleKey": "en_US",
        "FiscalYearStartMonth": 1,
        "OrganizationType": "Developer Edition",
        "InstanceName": "KH0",
        "IsSandbox": True,
        "UiSkin": "Theme3",
        "SignupCountryIsoCode": "GB",
        "WebToCaseDefaultOrigin": "Web",
        "NumKnowledgeService": 0,
        "MonthlyPageViewsUsed": 0,
        "MonthlyPageViewsEntitlement": 0,
        **{f"Default{name}Access": value for name, value in access.items()},
        "DefaultCaseAccess": "ReadEditTransfer",
        "DefaultCalendarAccess": "HideDetailsInsert",
        "DefaultPricebookAccess": "ReadSelect",
        "DefaultCampaignAccess": "All",
        "CreatedDate": wire_time(now),
    }


def _stage(order: int, name: str) -> dict[str, Any]:
    _, probability, category, closed, won = stage_facts(name)
    return {
        "MasterLabel": name,
        "ApiName": name,
        "IsActive": True,
        "SortOrder": order,
        "IsClosed": closed,
        "IsWon": won,
        "ForecastCategory": _FORECAST_CODES[category],
        "ForecastCategoryName": category,
        "DefaultProbability": probability,
    }

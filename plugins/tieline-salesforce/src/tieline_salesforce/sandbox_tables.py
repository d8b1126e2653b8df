"""The standard objects as a bare org has them: fields, sizes, rights, picklists. Data only.

A line is `name|type|rights|label|options`. Types: string(n), textarea(n), picklist(n):list, ref(Object), id, boolean,
int(digits), double|currency|percent(precision,scale), date, datetime, email, phone, url, address. Rights: c can be
set on create, u on update, n may be empty, d filled on create, i usable as upsert key, N the object's name field,
r restricted picklist, x neither filtered nor sorted by. Without rights: cun. `@address P`, `@system` and `@viewed`
stand for groups of fields. Sources: recorded describes for types, lengths and rights; CampaignMember, User and the
two status objects from the public schema, their rights believed.
"""

from __future__ import annotations

from collections.abc import Mapping

ADDRESS = """
{p}Street|textarea(255)|cun|{l}Street|compound={p}Address
{p}City|string(40)|cun|{l}City|compound={p}Address
{p}State|string(80)|cun|{l}State/Province|compound={p}Address
{p}PostalCode|string(20)|cun|{l}Zip/Postal Code|compound={p}Address
{p}Country|string(80)|cun|{l}Country|compound={p}Address
{p}Latitude|double(18,15)|cun|{l}Latitude|compound={p}Address
{p}Longitude|double(18,15)|cun|{l}Longitude|compound={p}Address
{p}GeocodeAccuracy|picklist(40):geocode|cunr|{l}Geocode Accuracy|compound={p}Address
{p}Address|address|n|{l}Address
"""

SYSTEM = """
CreatedDate|datetime|d
CreatedById|ref(User)|d|Created By ID
LastModifiedDate|datetime|d
LastModifiedById|ref(User)|d|Last Modified By ID
SystemModstamp|datetime|d
"""

VIEWED = """
LastViewedDate|datetime|n
LastReferencedDate|datetime|n
"""

_HEAD = """
IsDeleted|boolean|d|Deleted
"""

_PERSON = """
LastName|string(80)|cu||compound=Name
FirstName|string(40)|cun||compound=Name
Salutation|picklist(40):salutation|cun||compound=Name
Name|string(121)|N|Full Name
"""

_CONSENT = """
HasOptedOutOfEmail|boolean|cud|Email Opt Out
HasOptedOutOfFax|boolean|cud|Fax Opt Out
DoNotCall|boolean|cud|Do Not Call
"""

OBJECTS: Mapping[str, str] = {
    "Account": f"""
Id|id||Account ID
{_HEAD}
MasterRecordId|ref(Account)|n
Name|string(255)|cuN|Account Name|compound=Name
Type|picklist(40):account_type||Account Type
ParentId|ref(Account)||Parent Account ID
@address Billing
@address Shipping
Phone|phone(40)||Account Phone
Fax|phone(40)||Account Fax
AccountNumber|string(40)
Website|url(255)
PhotoUrl|url(255)|n|Photo URL
Sic|string(20)||SIC Code
Industry|picklist(40):industry
AnnualRevenue|currency(18,0)
NumberOfEmployees|int(8)||Employees
Ownership|picklist(40):ownership
TickerSymbol|string(20)
Description|textarea(32000)||Account Description
Rating|picklist(40):rating||Account Rating
Site|string(80)||Account Site
OwnerId|ref(User)|cud
@system
LastActivityDate|date|n|Last Activity
@viewed
Jigsaw|string(20)||Data.com Key
JigsawCompanyId|string(20)|n||rel=JigsawCompany
CleanStatus|picklist(40):clean|cunr
AccountSource|picklist(40):lead_source
DunsNumber|string(9)||D-U-N-S Number
Tradestyle|string(255)
NaicsCode|string(8)||NAICS Code
NaicsDesc|string(120)||NAICS Description
YearStarted|string(4)
SicDesc|string(80)||SIC Description
DandbCompanyId|ref(DandBCompany)||D&B Company ID
OperatingHoursId|ref(OperatingHours)||Operating Hour ID
""",
    "Contact": f"""
Id|id||Contact ID
{_HEAD}
MasterRecordId|ref(Contact)|n
AccountId|ref(Account)
{_PERSON}
@address Other
@address Mailing
Phone|phone(40)||Business Phone
Fax|phone(40)||Business Fax
MobilePhone|phone(40)
HomePhone|phone(40)
OtherPhone|phone(40)
AssistantPhone|phone(40)||Asst. Phone
ReportsToId|ref(Contact)
Email|email(80)|cuni
Title|string(128)
Department|string(80)
AssistantName|string(40)||Assistant's Name
LeadSource|picklist(255):lead_source
Birthdate|date
Description|textarea(32000)||Contact Description
OwnerId|ref(User)|cud
{_CONSENT}
@system
LastActivityDate|date|n|Last Activity
LastCURequestDate|datetime|n|Last Stay-in-Touch Request Date
LastCUUpdateDate|datetime|n|Last Stay-in-Touch Save Date
@viewed
EmailBouncedReason|string(255)
EmailBouncedDate|datetime
IsEmailBounced|boolean|d
PhotoUrl|url(255)|n|Photo URL
Jigsaw|string(20)||Data.com Key
JigsawContactId|string(20)|n||rel=JigsawContact
CleanStatus|picklist(40):clean|cunr
IndividualId|ref(Individual)
""",
    "Lead": f"""
Id|id||Lead ID
{_HEAD}
MasterRecordId|ref(Lead)|n
{_PERSON}
Title|string(128)
Company|string(255)|cu
@address
Phone|phone(40)
MobilePhone|phone(40)
Fax|phone(40)
Email|email(80)|cuni
Website|url(255)
PhotoUrl|url(255)|n|Photo URL
Description|textarea(32000)
LeadSource|picklist(255):lead_source
Status|picklist(255):lead_status|cud
Industry|picklist(255):industry
Rating|picklist(255):rating
AnnualRevenue|currency(18,0)
NumberOfEmployees|int(8)||Employees
OwnerId|ref(Group,User)|cud
{_CONSENT}
IsConverted|boolean|cd|Converted
ConvertedDate|date|n
ConvertedAccountId|ref(Account)|n
ConvertedContactId|ref(Contact)|n
ConvertedOpportunityId|ref(Opportunity)|n
IsUnreadByOwner|boolean|cud
@system
LastActivityDate|date|n|Last Activity
@viewed
Jigsaw|string(20)||Data.com Key
JigsawContactId|string(20)|n||rel=JigsawContact
CleanStatus|picklist(40):clean|cunr
CompanyDunsNumber|string(9)||Company D-U-N-S Number
DandbCompanyId|ref(DandBCompany)||D&B Company ID
EmailBouncedReason|string(255)|un
EmailBouncedDate|datetime|un
IndividualId|ref(Individual)
""",
    "Opportunity": f"""
Id|id||Opportunity ID
{_HEAD}
AccountId|ref(Account)
IsPrivate|boolean|cud|Private
Name|string(120)|cuiN
Description|textarea(32000)
StageName|picklist(255):stage|cu|Stage
Amount|currency(18,2)
Probability|percent(3,0)|cund|Probability (%)
ExpectedRevenue|currency(18,2)|n|Expected Amount
TotalOpportunityQuantity|double(18,2)||Quantity
CloseDate|date|cu
Type|picklist(255):opportunity_type||Opportunity Type
NextStep|string(255)
LeadSource|picklist(255):lead_source
IsClosed|boolean|d|Closed
IsWon|boolean|d|Won
ForecastCategory|picklist(40):forecast|r
ForecastCategoryName|picklist(255):forecast_name|cundr|Forecast Category
CampaignId|ref(Campaign)
HasOpportunityLineItem|boolean|d|Has Line Item
Pricebook2Id|ref(Pricebook2)|cund|Price Book ID
OwnerId|ref(User)|cud
@system
LastActivityDate|date|n|Last Activity
LastStageChangeDate|datetime|n
FiscalQuarter|int(8)|n||compound=Fiscal
FiscalYear|int(8)|n||compound=Fiscal
Fiscal|string(6)|n|Fiscal Period
ContactId|ref(Contact)|cn||rel=
@viewed
HasOpenActivity|boolean|dx
HasOverdueTask|boolean|dx
LastAmountChangedHistoryId|ref(OpportunityHistory)|n|Opportunity History ID
LastCloseDateChangedHistoryId|ref(OpportunityHistory)|n|Opportunity History ID
""",
    "OpportunityContactRole": f"""
Id|id||Contact Role ID
OpportunityId|ref(Opportunity)|c
ContactId|ref(Contact)|cu
Role|picklist(40):role
IsPrimary|boolean|cud|Primary
@system
{_HEAD}
""",
    "Campaign": f"""
Id|id||Campaign ID
{_HEAD}
Name|string(80)|cuiN
ParentId|ref(Campaign)||Parent Campaign ID
Type|picklist(40):campaign_type|cund
Status|picklist(40):campaign_status|cund
StartDate|date
EndDate|date
ExpectedRevenue|currency(18,0)||Expected Revenue in Campaign
BudgetedCost|currency(18,0)||Budgeted Cost in Campaign
ActualCost|currency(18,0)||Actual Cost in Campaign
ExpectedResponse|percent(10,2)||Expected Response (%)
NumberSent|double(18,0)||Num Sent in Campaign
IsActive|boolean|cud|Active
Description|textarea(32000)
NumberOfLeads|int(9)|-|Leads in Campaign
NumberOfConvertedLeads|int(9)|-|Converted Leads in Campaign
NumberOfContacts|int(9)|-|Contacts in Campaign
NumberOfResponses|int(9)|-|Responses in Campaign
NumberOfOpportunities|int(9)|-|Opportunities in Campaign
NumberOfWonOpportunities|int(9)|-|Won Opportunities in Campaign
AmountAllOpportunities|currency(18,0)|-|Value Opportunities in Campaign
AmountWonOpportunities|currency(18,0)|-|Value Won Opportunities in Campaign
OwnerId|ref(User)|cud
@system
LastActivityDate|date|n|Last Activity
@viewed
CampaignMemberRecordTypeId|ref(RecordType)||Record Type ID
""",
    "CampaignMember": f"""
Id|id||Campaign Member ID
{_HEAD}
CampaignId|ref(Campaign)|c
LeadId|ref(Lead)|cn
ContactId|ref(Contact)|cn
Status|picklist(40):member_status|cund
HasResponded|boolean|d|Responded
@system
FirstRespondedDate|date|n
Salutation|picklist(40):salutation|n
Name|string(121)|nN
FirstName|string(40)|n
LastName|string(80)|n
Title|string(128)|n
Email|email(80)|n
Phone|phone(40)|n
MobilePhone|phone(40)|n
CompanyOrAccount|string(255)|n|Company or Account
LeadSource|picklist(255):lead_source|n
Type|picklist(40):member_type|n
LeadOrContactId|ref(Contact,Lead)|n
LeadOrContactOwnerId|ref(Group,User)|n
""",
    "CampaignMemberStatus": f"""
Id|id||Campaign Member Status ID
{_HEAD}
CampaignId|ref(Campaign)|c
Label|string(765)|cuN
SortOrder|int(9)
IsDefault|boolean|cud
HasResponded|boolean|cud|Responded
@system
""",
    "OpportunityStage": """
Id|id||Opportunity Stage ID
MasterLabel|string(255)|nN
ApiName|string(255)|n
IsActive|boolean|d
SortOrder|int(9)|n
IsClosed|boolean|d
IsWon|boolean|d
ForecastCategory|picklist(40):forecast|r
ForecastCategoryName|picklist(255):forecast_name|nr
DefaultProbability|percent(3,0)|n
Description|string(1000)|n
@system
""",
    "User": """
Id|id||User ID
Username|string(80)|cui
LastName|string(80)|cu||compound=Name
FirstName|string(40)|cun||compound=Name
Name|string(121)|N|Full Name
CompanyName|string(80)
Division|string(80)
Department|string(80)
Title|string(80)
@address
Email|email(128)|cui
Phone|phone(40)
Fax|phone(40)
MobilePhone|phone(40)
Alias|string(8)|cu
IsActive|boolean|cud|Active
TimeZoneSidKey|picklist(40):zone|cur|Time Zone
UserRoleId|ref(UserRole)|cun|Role ID
LocaleSidKey|picklist(40):locale|cur|Locale
EmailEncodingKey|picklist(40):encoding|cur|Email Encoding
ProfileId|ref(Profile)|cu
UserType|picklist(40):user_type|nr
LanguageLocaleKey|picklist(40):language|cur|Language
EmployeeNumber|string(20)
ManagerId|ref(User)
FederationIdentifier|string(512)|cun|SAML Federation ID
@system
@viewed
""",
    "Organization": """
Id|id||Organization ID
Name|string(80)|uN
Division|string(80)|un
@address
Phone|phone(40)|un
Fax|phone(40)|un
PrimaryContact|string(80)|un
DefaultLocaleSidKey|picklist(40):locale|ur
TimeZoneSidKey|picklist(40):zone|ur
LanguageLocaleKey|picklist(40):language|ur
ReceivesInfoEmails|boolean|ud
ReceivesAdminInfoEmails|boolean|ud
PreferencesRequireOpportunityProducts|boolean|ud
PreferencesTransactionSecurityPolicy|boolean|ud
PreferencesTerminateOldestSession|boolean|ud
PreferencesConsentManagementEnabled|boolean|ud
PreferencesAutoSelectIndividualOnMerge|boolean|ud
PreferencesLightningLoginEnabled|boolean|ud
PreferencesOnlyLLPermUserAllowed|boolean|ud
FiscalYearStartMonth|int(9)|un
UsesStartDateAsFiscalYearName|boolean|ud
DefaultAccountAccess|string(40)|n
DefaultContactAccess|string(40)|n
DefaultOpportunityAccess|string(40)|n
DefaultLeadAccess|string(40)|n
DefaultCaseAccess|string(40)|n
DefaultCalendarAccess|string(40)|n
DefaultPricebookAccess|string(40)|n
DefaultCampaignAccess|string(40)|n
DelegatedAuthenticationServiceUrl|url(1333)|n
SystemModstamp|datetime|d
ComplianceBccEmail|email(80)|n
UiSkin|string(40)|n
SignupCountryIsoCode|string(2)|n
TrialExpirationDate|datetime|n
NumKnowledgeService|int(9)|n
OrganizationType|string(40)|n
NamespacePrefix|string(15)|n
InstanceName|string(5)|n
IsSandbox|boolean|d
WebToCaseDefaultOrigin|string(40)|n
MonthlyPageViewsUsed|int(9)|n
MonthlyPageViewsEntitlement|int(9)|n
IsReadOnly|boolean|d
CreatedDate|datetime|d
CreatedById|ref(User)|d|Created By ID
LastModifiedDate|datetime|d
LastModifiedById|ref(User)|d|Last Modified By ID
""",
}

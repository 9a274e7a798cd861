"""What can be imported: the fields of each kind, and the header names they usually go by.

Header names are compared by their letters and digits alone: ``Customer ID``, ``customer_id``, ``customerId`` are one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an import: its name, what it holds, other names in order of preference, whether it must be there."""

    name: str
    meaning: str
    synonyms: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of import.

    Attributes
    ----------
    table
        Where its rows go.
    one_of
        Fields of which at least one must be there.
    """

    name: str
    table: str
    fields: tuple[Field, ...]
    one_of: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """Return the field `name`."""
        return next(field for field in self.fields if field.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(field.name for field in self.fields)


def _synonyms(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_CUSTOMER = Field(
    "customer_id",
    "the person",
    _synonyms(
        "customerid customernumber customerno customer clientid client cid buyerid householdid memberid contactid "
        "userid user personid kundennummer kundennr kdnr kundenid kunde"
    ),
    required=True,
)
_TIME = Field(
    "occurred_at",
    "when it happened",
    _synonyms(
        "invoicedate orderdate date datetime time timestamp transactiondate transactiontimestamp purchasedate "
        "occurred eventtime eventdate createdat created day "
        "bestelldatum kaufdatum rechnungsdatum auftragsdatum datum zeitpunkt"
    ),
    required=True,
)
_CHANNEL = Field("channel", "channel, such as email; * for all", _synonyms("medium kanal"), required=True)
_COUNTRY = Field("country", "country", _synonyms("countrycode shippingcountry billingcountry land"))
_ORDER = Field(
    "order_id",
    "order",
    _synonyms(
        "invoice invoiceno invoiceid orderno order basketid transactionid "
        "ordernumber bestellnummer bestellnr auftragsnummer rechnungsnummer"
    ),
)
_PRODUCT = Field(
    "product_id", "product", _synonyms("stockcode sku product itemid item articleid articleno artikelnummer artikel")
)
_CATEGORY = Field(
    "category", "category of the product", _synonyms("productcategory department categoryname kategorie warengruppe")
)
_QUANTITY = Field("quantity", "pieces; negative on returns", _synonyms("qty pieces units count cds menge anzahl"))
_AMOUNT = Field(
    "amount",
    "money of the whole line",
    _synonyms(
        "linetotal lineamount netamount totalprice total revenue sales salesvalue value dollars spend "
        "betrag gesamtbetrag gesamtpreis summe umsatz"
    ),
)
_ACTION = Field("action_id", "action it answers to", _synonyms("action campaign campaignid"))
_DECISION = Field("decision_id", "decision it answers to", _synonyms("decision"))
_EVENT_ID = Field("event_id", "identifier of the row, unique in the file", _synonyms("messageid eventid"))

_ORDERS = Kind(
    "orders",
    "events",
    (
        _CUSTOMER,
        _TIME,
        _ORDER,
        Field("line_id", "identifier of the line, unique in the file", _synonyms("orderlineid lineitemid")),
        _PRODUCT,
        _CATEGORY,
        _QUANTITY,
        Field(
            "price",
            "money per piece",
            _synonyms("unitprice priceperunit pieceprice itemprice preis einzelpreis stueckpreis stückpreis"),
        ),
        _AMOUNT,
        Field(
            "margin",
            "margin of the whole line",
            _synonyms("linemargin grossmargin profit contribution deckungsbeitrag rohertrag"),
        ),
        Field(
            "is_return",
            "yes on a returned line",
            _synonyms("return returned refund isrefund retoure storno ruecksendung rücksendung"),
        ),
        Field("currency", "currency of the money", _synonyms("currencycode waehrung währung")),
        _COUNTRY,
        _ACTION,
        _DECISION,
    ),
    one_of=("price", "amount"),
)
_EVENTS = Kind(
    "events",
    "events",
    (
        _CUSTOMER,
        Field("kind", "what happened", _synonyms("event eventname eventtype type"), required=True),
        _TIME,
        _EVENT_ID,
        Field("properties", "further fields as a JSON object", _synonyms("props attributes")),
        _ORDER,
        _PRODUCT,
        _CATEGORY,
        _QUANTITY,
        _AMOUNT,
        Field("currency", "currency of the money", _synonyms("currencycode waehrung währung")),
        _COUNTRY,
        Field("channel", "channel of a message", _synonyms("medium")),
        _ACTION,
        _DECISION,
    ),
)
_STATE = _synonyms("status optin subscribed consent granted value einwilligung zustimmung")
_CONSENT = Kind(
    "consent",
    "events",
    (_CUSTOMER, _CHANNEL, Field("state", "granted or withdrawn", _STATE, required=True), _TIME, _EVENT_ID),
)
_SUPPRESSION = Kind(
    "suppression",
    "events",
    (
        _CUSTOMER,
        _CHANNEL,
        Field("state", "suppressed (the default), unsuppressed, bounced, complained", _synonyms("status reason type")),
        _TIME,
        _EVENT_ID,
    ),
)
_DELIVERIES = Kind(
    "deliveries",
    "events",
    (
        _CUSTOMER,
        _CHANNEL,
        Field("state", "sent, opened, clicked, bounced, complained", _synonyms("event status type"), required=True),
        _TIME,
        _EVENT_ID,
        _ACTION,
        _DECISION,
    ),
)
_CUSTOMERS = Kind(
    "customers",
    "customers",
    (
        _CUSTOMER,
        Field("created_at", "first known", _synonyms("created registered registeredat signupdate since joined")),
        Field("account_id", "company", _synonyms("account company companyid")),
        Field("email", "address", _synonyms("emailaddress mail emailadresse")),
        Field("phone", "telephone", _synonyms("phonenumber mobile telephone telefon telefonnummer")),
        _COUNTRY,
        Field("region", "region", _synonyms("state province county bundesland")),
        Field("time_zone", "IANA name of the time zone", _synonyms("timezone tz zeitzone")),
    ),
)
_EXPERIMENT = Kind(
    "experiment",
    "experiment",
    (
        Field("unit", "who was randomised", (*_synonyms("unitid"), "customer_id", *_CUSTOMER.synonyms)),
        Field("action", "arm", _synonyms("actionid arm treatment variant segment group campaign"), required=True),
        Field("outcome", "money it brought", _synonyms("spend revenue sales money amount margin value"), required=True),
        Field("propensity", "probability of the arm", _synonyms("p probability paction pscore propensityscore")),
        Field("occurred_at", "when it was decided", _TIME.synonyms),
        Field("cost", "money the arm cost", _synonyms("costmoney")),
    ),
)

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (_CUSTOMERS, _ORDERS, _EVENTS, _EXPERIMENT, _CONSENT, _SUPPRESSION, _DELIVERIES)
}
"""Everything ``alamo import`` takes, by name."""


def bare(name: str) -> str:
    """Return the letters and digits of a header name, in lower case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())

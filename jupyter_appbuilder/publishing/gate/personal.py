"""What looks like people's data: single values, held to the check digits that their kind has, and columns of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

PLACEHOLDER_HOST = re.compile(
    r"(?:.*\.)?(?:example|test|invalid|localhost|local)\Z|(?:.*\.)?example\.(?:com|org|net|edu|co\.\w\w)\Z"
    r"|(?:.*\.)?(?:acme|company|domain|email|yourdomain|mycompany|foo|bar|sentry)\.(?:com|org|io|test)\Z",
    re.I,
)
EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@(?P<host>[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,4})(?![\w@-])"
)
TLD = re.compile(r"\.(?:[a-z]{2,24}|xn--[a-z0-9-]{2,30})\Z", re.I)
OF_A_FILE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|webp|css|js|ts|tsx|jsx|mjs|json|md|py|html?|woff2?|scss|less|vue|map)\Z", re.I
)
PHONE = re.compile(
    r"\+\d[\d ().\-/\u00a0]{6,22}\d|\(\d{2,5}\)[ .-]?\d[\d .\-/]{4,14}\d|\d{3}[-. ]\d{3}[-. ]\d{4}"
    r"|0\d{1,4}[ /-]\d[\d -]{4,14}\d"
)
CARD = re.compile(r"(?:\d[ -]?){12,18}\d")
IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?")
LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
    "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
    "TN24 TR26 UA29 VA22 VG24 XK20 "
)
IBAN_LENGTH: Mapping[str, int] = {one[:2]: int(one[2:]) for one in LENGTHS.split()}
"""Characters by country, as the registry of SWIFT lists them."""

TEST_CARDS = {
    *("4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210"),
    *("5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424"),
    *("3056930009020004", "36227206271667", "3566002020360505", "6200000000000005", "4111111111111111"),
    *("4012888888881881", "5454545454545454", "4222222222222", "30569309025904", "38520000023237", "4917610000000000"),
    *("4000000000000002", "4000000000009995", "4000002500003155", "5425233430109903", "374245455400126"),
}  # fmt: skip
"""Numbers that payment providers publish for tests."""
TEST_IBANS = {
    *("DE89370400440532013000", "GB82WEST12345698765432", "GB29NWBK60161331926819", "FR1420041010050500013M02606"),
    *("NL91ABNA0417164300", "ES9121000418450200051332", "IT60X0542811101000000123456", "AT611904300234573201"),
    *("BE68539007547034", "CH9300762011623852957", "DE75512108001245126199", "IE29AIBK93115212345678"),
    *("PL61109010140000071219812874", "SE4550000000058398257466", "NO9386011117947", "FI2112345600000785"),
}  # fmt: skip


def is_email(value: str) -> bool:
    match = EMAIL.fullmatch(value.strip())
    return bool(match) and is_real_host(match["host"])


def is_real_host(host: str) -> bool:
    return bool(TLD.search(host)) and not OF_A_FILE.search(host) and not PLACEHOLDER_HOST.match(host)


def digits_of(value: str) -> str:
    return "".join(sign for sign in value if sign in "0123456789")


def luhn(digits: str) -> bool:
    total = 0
    for place, sign in enumerate(reversed(digits)):
        number = int(sign)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def is_card(value: str) -> bool:
    digits = digits_of(value)
    if not CARD.fullmatch(value.strip()) or not 13 <= len(digits) <= 19 or len(set(digits)) < 4:
        return False
    known = (
        (digits[0] == "4" and len(digits) in (13, 16, 19))
        or (len(digits) == 16 and (51 <= int(digits[:2]) <= 55 or 2221 <= int(digits[:4]) <= 2720))
        or (len(digits) == 15 and digits[:2] in ("34", "37"))
        or (len(digits) == 16 and (digits[:4] == "6011" or digits[:2] == "65" or 3528 <= int(digits[:4]) <= 3589))
        or (len(digits) == 14 and digits[:2] in ("36", "38"))
    )
    return known and luhn(digits) and digits not in TEST_CARDS


def is_iban(value: str) -> bool:
    plain = value.strip().replace(" ", "").upper()
    if not IBAN.fullmatch(plain) or IBAN_LENGTH.get(plain[:2]) != len(plain) or plain in TEST_IBANS:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def is_phone(value: str) -> bool:
    """Of a number with its country, or written as telephone numbers are; not what films use, nor a date."""
    text = value.strip()
    digits = digits_of(text)
    if not PHONE.fullmatch(text) or not 8 <= len(digits) <= 15 or len(set(digits)) < 4:
        return False
    if re.search(r"555[ .-]?01\d\d\Z|\b555[ .-]", text) or re.fullmatch(r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}", text):
        return False
    return digits not in ("1234567890", "11234567890", "0123456789", "4412345678", "441234567890", "4912345678")


def _is_digits(value: str, length: int) -> str:
    digits = digits_of(value)
    return (
        digits if len(digits) == length and re.fullmatch(r"[\d .\-/]+", value.strip()) and len(set(digits)) > 3 else ""
    )


def is_ssn(value: str) -> bool:
    match = re.fullmatch(r"(\d{3})-(\d{2})-(\d{4})", value.strip())
    if not match or match[0] in ("078-05-1120", "219-09-9999", "123-45-6789"):
        return False
    return match[1] not in ("000", "666") and match[1] < "900" and match[2] != "00" and match[3] != "0000"


def is_nino(value: str) -> bool:
    text = value.strip().replace(" ", "").upper()
    return bool(
        re.fullmatch(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]", text)
    ) and text not in ("QQ123456C", "AB123456C", "JG103759A")


def is_dni(value: str) -> bool:
    match = re.fullmatch(r"([XYZ]?)(\d{7,8})-?([A-Z])", value.strip().upper())
    if not match or len(match[1]) + len(match[2]) != 8 or match[0].startswith("12345678"):
        return False
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int({"X": "0", "Y": "1", "Z": "2"}.get(match[1], "") + match[2]) % 23] == match[3]


IN_ODD_PLACES = (*(1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", IN_ODD_PLACES, strict=True))


def is_codice_fiscale(value: str) -> bool:
    text = value.strip().upper()
    if not re.fullmatch(r"[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", text) or text == "RSSMRA85T10A562S":
        return False
    even = {sign: number % 10 if sign.isdigit() else number - 10 for number, sign in enumerate(ODD)}
    total = sum(ODD[sign] if place % 2 == 0 else even[sign] for place, sign in enumerate(text[:15]))
    return chr(ord("A") + total % 26) == text[15]


def is_nir(value: str) -> bool:
    digits = _is_digits(value, 15)
    return bool(digits) and digits[0] in "12" and 97 - int(digits[:13]) % 97 == int(digits[13:])


def is_cpf(value: str) -> bool:
    if not re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d{2}", value.strip()):
        return False
    digits = [int(sign) for sign in digits_of(value)]
    for length in (9, 10):
        total = sum((length + 1 - place) * digits[place] for place in range(length)) * 10 % 11 % 10
        if total != digits[length]:
            return False
    return len(set(digits)) > 2


def is_resident_id(value: str) -> bool:
    """Of China: a place, a day of birth, a number and a check sign."""
    text = value.strip().upper()
    if not re.fullmatch(r"\d{17}[\dX]", text) or not _is_day(text[6:14]):
        return False
    total = sum(int(sign) * (1 << (17 - place)) for place, sign in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17]


def is_personnummer(value: str) -> bool:
    match = re.fullmatch(r"(?:19|20)?(\d{2})(\d{4})[-+](\d{4})", value.strip())
    return bool(match) and _is_day("19" + match[1] + match[2]) and luhn(match[1] + match[2] + match[3])


def _is_day(text: str) -> bool:
    try:
        return 1880 <= date(int(text[:4]), int(text[4:6]), int(text[6:8])).year <= 2100
    except ValueError:
        return False


VERHOEFF = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
DIHEDRAL = (
    *("0123456789", "1234067895", "2340178956", "3401289567", "4012395678"),
    *("5987604321", "6598710432", "7659821043", "8765932104", "9876543210"),
)


def is_aadhaar(value: str) -> bool:
    digits = _is_digits(value, 12)
    if not digits or digits[0] in "01" or not re.fullmatch(r"\d{4}[ -]\d{4}[ -]\d{4}", value.strip()):
        return False
    check = 0
    for place, sign in enumerate(reversed(digits)):
        check = int(DIHEDRAL[check][int(VERHOEFF[place % 8][int(sign)])])
    return check == 0


def is_bsn(value: str) -> bool:
    digits = _is_digits(value, 9)
    return (
        bool(digits)
        and sum((9 - place if place < 8 else -1) * int(sign) for place, sign in enumerate(digits)) % 11 == 0
    )


def is_pesel(value: str) -> bool:
    digits = _is_digits(value, 11)
    return bool(digits) and (
        10 - sum(int(a) * b for a, b in zip(digits, (1, 3, 7, 9) * 3, strict=False)) % 10
    ) % 10 == int(digits[10])


def is_tax_id(value: str) -> bool:
    """Of Germany."""
    digits = _is_digits(value, 11)
    if not digits or digits[0] == "0":
        return False
    product = 10
    for sign in digits[:10]:
        total = (int(sign) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of personal data. ``named``: only where the column's name says so: its check digit alone would fit
    one number in ten."""

    rule: str
    title: str  # plural
    is_one: Callable[[str], bool]
    named: re.Pattern[str] | None = None
    share: float = 0.3  # of a column's values that are one, from which it counts as a column of them
    least: int = 3  # distinct ones


SORTS: Sequence[Sort] = (
    Sort("email", "e-mail addresses", is_email),
    Sort("card", "payment card numbers", is_card, least=2),
    Sort("iban", "bank account numbers (IBAN)", is_iban, least=2),
    Sort("ssn", "US social security numbers", is_ssn, share=0.6),
    Sort("nino", "UK national insurance numbers", is_nino),
    Sort("dni", "Spanish identity numbers", is_dni),
    Sort("codice-fiscale", "Italian tax codes", is_codice_fiscale),
    Sort("nir", "French social security numbers", is_nir),
    Sort("cpf", "Brazilian tax numbers (CPF)", is_cpf),
    Sort("resident-id", "Chinese identity numbers", is_resident_id),
    Sort("personnummer", "Swedish identity numbers", is_personnummer, share=0.6),
    Sort("aadhaar", "Indian identity numbers (Aadhaar)", is_aadhaar, share=0.6),
    Sort("bsn", "Dutch citizen service numbers", is_bsn, re.compile(r"bsn|burgerservice|sofi", re.I), 0.8),
    Sort("pesel", "Polish identity numbers (PESEL)", is_pesel, re.compile(r"pesel", re.I), 0.8),
    Sort("tax-id", "German tax numbers", is_tax_id, re.compile(r"steuer|tax|\bidnr", re.I), 0.8),
    Sort("phone", "telephone numbers", is_phone, share=0.5),
)

PHONES = re.compile(
    r"phone|mobile|\btel\b|\btel_|cell(?:ular)?\b|telefon|handy|movil|m[oó]vil|portable|whatsapp|\bfax", re.I
)
BY_NAME: Sequence[tuple[str, str, re.Pattern[str]]] = (
    (
        "password",
        "passwords, or what is made of them",
        re.compile(
            r"\A(?:user_?)?(?:password|passwd|pwd|password_?hash|hashed_?password|passw(?:or)?d_?(?:hash|digest|salt))\Z",
            re.I,
        ),
    ),
    (
        "birth",
        "days of birth",
        re.compile(
            r"\A(?:dob|date_?of_?birth|birth_?(?:date|day)|born_?on|geburts(?:datum|tag)|fecha_?nacimiento)\Z", re.I
        ),
    ),
    (
        "passport",
        "numbers of passports or licences",
        re.compile(r"\A(?:passport|driver_?s?_?licen[cs]e)(?:_?(?:no|number|id))?\Z", re.I),
    ),
    (
        "health",
        "health data",
        re.compile(r"\A(?:diagnos[ie]s|icd_?10?|medication|blood_?type|patient_?(?:id|name|no))\Z", re.I),
    ),
    (
        "address",
        "home addresses",
        re.compile(r"\A(?:street_?address|home_?address|address_?line_?1|stra(?:ss|ß)e|postal_?address)\Z", re.I),
    ),
    ("ssn", "social security numbers", re.compile(r"\A(?:ssn|social_?security(?:_?(?:no|number))?)\Z", re.I)),
)
"""What a column's name alone says, where it has values."""
MOST_DISTINCT = 20_000


@dataclass(slots=True)
class Column:
    """What the values of one column are, while they are read."""

    name: str
    values: int = 0  # that are not empty
    hits: dict[str, int] = field(default_factory=dict[str, int])
    distinct: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    bare: int = 0  # digits that may be a number of a telephone, by the column's name

    def add(self, value: object) -> None:
        if value is None or isinstance(value, bool | float | bytes):
            return
        text = str(value)[:200].strip()
        if not text:
            return
        self.values += 1
        if (
            PHONES.search(self.name)
            and 7 <= len(digits_of(text)) <= 15
            and re.fullmatch(r"\+?[\d ().\-/]{7,24}", text)
            and "555" not in text
        ):
            self.bare += 1
        if not any(sign in "0123456789@" for sign in text):
            return
        for sort in SORTS:
            if (sort.named is None or sort.named.search(self.name)) and sort.is_one(text):
                self.hits[sort.rule] = self.hits.get(sort.rule, 0) + 1
                seen = self.distinct.setdefault(sort.rule, set())
                if len(seen) < MOST_DISTINCT:
                    seen.add(text)
                break

    def found(self) -> Iterable[tuple[str, str, int]]:
        """Rule, what they are, and how many."""
        told = False
        for sort in SORTS:
            count = self.hits.get(sort.rule, 0)
            if len(self.distinct.get(sort.rule, ())) >= sort.least and count >= self.values * sort.share:
                told = True
                yield sort.rule, sort.title, count
        if not told and self.bare >= 3 and self.bare * 2 >= self.values:
            told = True
            yield "phone", "telephone numbers", self.bare
        if not told and self.values:
            for rule, title, pattern in BY_NAME:
                if pattern.search(self.name):
                    yield rule, title, self.values

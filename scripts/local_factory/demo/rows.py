"""The rows of the demo database: invented, varied, and the same every time.

Every value is a column expression over the row's number, so that Spark makes a million rows as readily as ten.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the field's own name

# (as written, as in an e-mail address)
_FIRST_NAMES = (
    ("Aarav", "aarav"), ("Ananya", "ananya"), ("प्रिया", "priya"), ("Rohan", "rohan"), ("Olivia", "olivia"),
    ("James", "james"), ("Zoë", "zoe"), ("Siân", "sian"), ("José", "jose"), ("María", "maria"),
    ("Łukasz", "lukasz"), ("Jürgen", "juergen"), ("François", "francois"), ("Дмитрий", "dmitri"), ("Анна", "anna"),
    ("伟", "wei"), ("秀英", "xiuying"), ("さくら", "sakura"), ("Mary Ann", "maryann"), ("Noor", "noor"),
)  # fmt: skip
_LAST_NAMES = (
    ("Sharma", "sharma"), ("Iyer", "iyer"), ("पटेल", "patel"), ("Singh", "singh"), ("Smith", "smith"),
    ("O'Brien", "obrien"), ("Smith-Jones", "smithjones"), ("García", "garcia"), ("Núñez", "nunez"),
    ("Müller", "mueller"), ("Kowalczyk", "kowalczyk"), ("Lefèvre", "lefevre"), ("Иванов", "ivanov"),
    ("Соколова", "sokolova"), ("王", "wang"), ("李", "li"), ("佐藤", "sato"), ("Sørensen", "sorensen"),
    ("de Souza", "desouza"), ("Nguyễn", "nguyen"),
)  # fmt: skip
# (city, state or province, postal code, country, calling code)
_PLACES = (
    ("Bengaluru", "Karnataka", "560001", "IN", "+91"),
    ("Mumbai", "Maharashtra", "400001", "IN", "+91"),
    ("नई दिल्ली", "Delhi", "110001", "IN", "+91"),
    ("Chennai", "Tamil Nadu", "600001", "IN", "+91"),
    ("New York", "NY", "10001", "US", "+1"),
    ("Seattle", "WA", "98101", "US", "+1"),
    ("Austin", "TX", "78701-2345", "US", "+1"),
    ("London", None, "EC1A 1BB", "GB", "+44"),
    ("Manchester", None, "M1 1AE", "GB", "+44"),
    ("Edinburgh", "Scotland", "EH1 1YZ", "GB", "+44"),
    ("上海", "上海", "200000", "CN", "+86"),
    ("Shenzhen", "Guangdong", "518000", "CN", "+86"),
    ("Москва", None, "101000", "RU", "+7"),
    ("Новосибирск", "Новосибирская область", "630000", "RU", "+7"),
    ("München", "Bayern", "80331", "DE", "+49"),
    ("Łódź", "łódzkie", "90-001", "PL", "+48"),
    ("Saint-Étienne", "Loire", "42000", "FR", "+33"),
    ("São Paulo", "SP", "01000-000", "BR", "+55"),
)  # fmt: skip
_STREETS = (
    "MG Road",
    "High Street",
    "Main St",
    "Rue de la Paix",
    "Königsallee",
    "Невский проспект",
    "人民路",
    "Elm Ave",
)
_MAIL_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
# (name, code in the SKU)
_CATEGORIES = (
    ("Books", "BK"), ("Garden", "GD"), ("Kitchen", "KT"), ("Office", "OF"), ("Sports", "SP"), ("Toys & Games", "TG"),
)  # fmt: skip
_ADJECTIVES = ("Classic", "Compact", "Deluxe", "Eco", "Heavy-Duty", "Portable", "Rustic", "Ultra-Light")
_MATERIALS = ("Bamboo", "Cotton", "Steel", "Oak", "Recycled", "Ceramic", "Leather")
_THINGS = ("Notebook", "Lamp", "Kettle", "Backpack", "Café Table", "Planter", "Puzzle", "Chair", "½-Litre Bottle")
_CURRENCIES = ("INR", "USD", "GBP", "CNY", "EUR")

_DAY = 24 * 60 * 60
_TEN_YEARS = 3652 * _DAY


def customers(spark: SparkSession, count: int) -> DataFrame:
    """Return `count` rows of the table Customers (tables.sql), numbered from 1."""
    first_name = _pick(_pairs(_FIRST_NAMES), "first name")
    last_name = _pick(_pairs(_LAST_NAMES), "last name")
    email = F.concat(
        first_name["ascii"],
        F.lit("."),
        last_name["ascii"],
        F.col("id"),
        F.lit("@"),
        _pick_text(_MAIL_DOMAINS, "domain"),
    )
    place = _pick([_place(*place) for place in _PLACES], "place")
    phone = F.concat(place["calling_code"], F.lit(" "), F.lpad(_number(10**9, "phone").cast("string"), 9, "0"))
    address = F.concat(_number(999, "house") + 1, F.lit(" "), _pick_text(_STREETS, "street"))
    created = _created()
    return _numbers(spark, count).select(
        F.col("id").cast("int").alias("CustomerId"),
        first_name["text"].alias("FirstName"),
        last_name["text"].alias("LastName"),
        email.alias("Email"),
        _with_gaps(phone, 12, "phone").alias("Phone"),
        _with_gaps(address, 5, "address").alias("AddressLine"),
        _with_gaps(place["city"], 5, "address").alias("City"),
        _with_gaps(place["state"], 5, "address").alias("StateProvince"),
        _with_gaps(place["postal_code"], 5, "address").alias("PostalCode"),
        place["country"].alias("CountryCode"),
        _with_gaps(_birthday(), 8, "birth").alias("DateOfBirth"),
        _with_gaps(_decimal(5_000_001, 2, "decimal(12,2)", "credit"), 4, "credit").alias("CreditLimit"),
        (_number(100, "active") < 90).alias("IsActive"),  # noqa: PLR2004 - per cent
        created.alias("CreatedAt"),
        _updated(created).alias("UpdatedAt"),
    )


def products(spark: SparkSession, count: int) -> DataFrame:
    """Return `count` rows of the table Products (tables.sql), numbered from 1."""
    category = _pick(_pairs(_CATEGORIES), "category")
    adjective, material, thing = (
        _pick_text(texts, salt) for texts, salt in ((_ADJECTIVES, "adj"), (_MATERIALS, "mat"), (_THINGS, "thing"))
    )
    name = F.concat_ws(" ", adjective, material, thing)
    description = F.format_string(
        "%s. %d-day returns; “best of %s”.", name, _number(60, "returns") + 1, category["text"]
    )
    created = _created()
    return _numbers(spark, count).select(
        F.col("id").cast("int").alias("ProductId"),
        F.format_string("%s-%07d", category["ascii"], F.col("id")).alias("Sku"),
        name.alias("Name"),
        category["text"].alias("Category"),
        _with_gaps(description, 10, "description").alias("Description"),
        _decimal(250_000, 2, "decimal(10,2)", "price").alias("UnitPrice"),
        _pick_text(_CURRENCIES, "currency").alias("CurrencyCode"),
        F.when(_number(100, "sold out") < 7, 0).otherwise(_number(5000, "stock")).cast("int").alias("StockQuantity"),  # noqa: PLR2004 - per cent
        _with_gaps(_decimal(40_000, 3, "decimal(8,3)", "weight", least=1), 6, "weight").alias("WeightKg"),
        (_number(100, "discontinued") < 8).alias("IsDiscontinued"),  # noqa: PLR2004 - per cent
        created.alias("CreatedAt"),
        _updated(created).alias("UpdatedAt"),
    )


def _numbers(spark: SparkSession, count: int) -> DataFrame:
    return spark.range(1, count + 1, 1, 1)


def _number(below: int, salt: str) -> Column:
    """Return a whole number from 0 that is the same for a row every time; `salt` makes columns differ."""
    return F.pmod(F.xxhash64(F.col("id"), F.lit(salt)), F.lit(below))


def _pick(choices: Sequence[Column], salt: str) -> Column:
    return F.element_at(F.array(*choices), (_number(len(choices), salt) + 1).cast("int"))


def _pick_text(texts: Sequence[str], salt: str) -> Column:
    return _pick([F.lit(text) for text in texts], salt)


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[Column]:
    return [F.struct(F.lit(text).alias("text"), F.lit(ascii_text).alias("ascii")) for text, ascii_text in pairs]


def _place(city: str, state: str | None, postal_code: str, country: str, calling_code: str) -> Column:
    return F.struct(
        F.lit(city).alias("city"),
        F.lit(state).cast("string").alias("state"),
        F.lit(postal_code).alias("postal_code"),
        F.lit(country).alias("country"),
        F.lit(calling_code).alias("calling_code"),
    )


def _with_gaps(value: Column, per_cent: int, salt: str) -> Column:
    """Return the value, but NULL in so many rows of a hundred; columns of one salt have the same gaps."""
    return F.when(_number(100, f"{salt} gap") >= per_cent, value)


def _decimal(below: int, scale: int, decimal_type: str, salt: str, least: int = 0) -> Column:
    """Return a decimal made of a whole number from `least` to `below`, its last `scale` digits behind the point."""
    whole = (_number(below - least, salt) + least).cast("decimal(12,0)")
    return (whole / F.lit(10**scale)).cast(decimal_type)


def _birthday() -> Column:
    return F.date_add(F.lit("1938-01-01").cast("date"), _number(70 * 365, "birth").cast("int"))


def _created() -> Column:
    """Return a moment of 2015 to 2024 without a zone, to the millisecond as DATETIME2(3) has it."""
    return F.lit("2015-01-01").cast("timestamp_ntz") + _seconds(_TEN_YEARS, "created")


def _updated(created: Column) -> Column:
    """Return a moment up to a year after a row was made; a third were never touched."""
    return F.when(_number(3, "untouched") == 0, created).otherwise(created + _seconds(365 * _DAY, "updated"))


def _seconds(below: int, salt: str) -> Column:
    seconds = _number(below * 1000, salt).cast("decimal(18,0)") / 1000
    return F.make_dt_interval(secs=seconds.cast("decimal(18,6)"))

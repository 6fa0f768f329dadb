"""The rows of the demo database: invented, varied, and the same every time but for the years, which end today.

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
    ("London", "", "EC1A 1BB", "GB", "+44"),
    ("Manchester", "", "M1 1AE", "GB", "+44"),
    ("Edinburgh", "Scotland", "EH1 1YZ", "GB", "+44"),
    ("上海", "上海", "200000", "CN", "+86"),
    ("Shenzhen", "Guangdong", "518000", "CN", "+86"),
    ("Москва", "", "101000", "RU", "+7"),
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


def customers(spark: SparkSession, count: int, first: int = 1) -> DataFrame:
    """Return `count` rows of the table Customers (tables.sql), numbered from `first`."""
    first_name, first_ascii = _pick(_FIRST_NAMES, "first name")
    last_name, last_ascii = _pick(_LAST_NAMES, "last name")
    city, state, postal_code, country, calling_code = _pick(_PLACES, "place")
    email = F.concat(first_ascii, F.lit("."), last_ascii, F.col("id"), F.lit("@"), _pick_text(_MAIL_DOMAINS, "domain"))
    phone = F.concat(calling_code, F.lit(" "), F.lpad(_number(10**9, "phone").cast("string"), 9, "0"))
    address = F.concat(_number(999, "house") + 1, F.lit(" "), _pick_text(_STREETS, "street"))
    return _numbers(spark, count, first).select(
        F.col("id").cast("int").alias("CustomerId"),
        first_name.alias("FirstName"),
        last_name.alias("LastName"),
        email.alias("Email"),
        _with_gaps(phone, 12, "phone").alias("Phone"),
        _with_gaps(address, 5, "address").alias("AddressLine"),
        _with_gaps(city, 5, "address").alias("City"),
        _with_gaps(F.nullif(state, F.lit("")), 5, "address").alias("StateProvince"),
        _with_gaps(postal_code, 5, "address").alias("PostalCode"),
        country.alias("CountryCode"),
        _with_gaps(_birthday(), 8, "birth").alias("DateOfBirth"),
        _with_gaps(_decimal(5_000_001, 2, "decimal(12,2)", "credit"), 4, "credit").alias("CreditLimit"),
        _in(90, "active").alias("IsActive"),
        _created().alias("CreatedAt"),
        _updated().alias("UpdatedAt"),
    )


def products(spark: SparkSession, count: int, first: int = 1) -> DataFrame:
    """Return `count` rows of the table Products (tables.sql), numbered from `first`."""
    category, category_code = _pick(_CATEGORIES, "category")
    name = F.concat_ws(
        " ", _pick_text(_ADJECTIVES, "adjective"), _pick_text(_MATERIALS, "material"), _pick_text(_THINGS, "thing")
    )
    description = F.format_string("%s. %d-day returns; “best of %s”.", name, _number(60, "returns") + 1, category)
    return _numbers(spark, count, first).select(
        F.col("id").cast("int").alias("ProductId"),
        F.format_string("%s-%07d", category_code, F.col("id")).alias("Sku"),
        name.alias("Name"),
        category.alias("Category"),
        _with_gaps(description, 10, "description").alias("Description"),
        _decimal(250_000, 2, "decimal(10,2)", "price").alias("UnitPrice"),
        _pick_text(_CURRENCIES, "currency").alias("CurrencyCode"),
        F.when(_in(7, "sold out"), 0).otherwise(_number(5000, "stock")).cast("int").alias("StockQuantity"),
        _with_gaps(_decimal(40_000, 3, "decimal(8,3)", "weight", least=1), 6, "weight").alias("WeightKg"),
        _in(8, "discontinued").alias("IsDiscontinued"),
        _created().alias("CreatedAt"),
        _updated().alias("UpdatedAt"),
    )


def made_now(rows: DataFrame) -> DataFrame:
    """Return the rows as if they had just been inserted."""
    now = F.current_timestamp().cast("timestamp_ntz")
    return rows.withColumns({"CreatedAt": now, "UpdatedAt": now})


def _numbers(spark: SparkSession, count: int, first: int) -> DataFrame:
    return spark.range(first, first + count, 1, 1)


def _number(below: int, salt: str) -> Column:
    """Return a whole number from 0 that is the same for a row every time; `salt` makes columns differ."""
    return F.pmod(F.xxhash64(F.col("id"), F.lit(salt)), F.lit(below))


def _pick(choices: Sequence[Sequence[str]], salt: str) -> list[Column]:
    """Return the columns of one of the choices (all of a kind: a name and its spelling, a city and its country)."""
    index = _number(len(choices), salt).cast("int")
    # One text that Spark splits once is far quicker to hand over than a literal for every choice.
    return [F.split(F.lit("|".join(column)), "[|]")[index] for column in zip(*choices, strict=True)]


def _pick_text(texts: Sequence[str], salt: str) -> Column:
    (text,) = _pick([(text,) for text in texts], salt)
    return text


def _in(per_cent: int, salt: str) -> Column:
    """Return whether a row is one of so many in a hundred."""
    return _number(100, salt) < per_cent


def _with_gaps(value: Column, per_cent: int, salt: str) -> Column:
    """Return the value, but NULL in so many rows of a hundred; columns of one salt have the same gaps."""
    return F.when(~_in(per_cent, f"{salt} gap"), value)


def _decimal(below: int, scale: int, decimal_type: str, salt: str, least: int = 0) -> Column:
    """Return a decimal made of a whole number from `least` to `below`, its last `scale` digits behind the point."""
    whole = (_number(below - least, salt) + least).cast("decimal(12,0)")
    return (whole / F.lit(10**scale)).cast(decimal_type)


def _birthday() -> Column:
    return F.date_add(F.lit("1938-01-01").cast("date"), _number(70 * 365, "birth").cast("int"))


def _created() -> Column:
    """Return a moment of the last ten years without a zone, to the millisecond as DATETIME2(3) has it."""
    return _ago(_created_ago())


def _updated() -> Column:
    """Return a moment from when a row was made to last midnight; a third were never touched."""
    touched = F.pmod(F.xxhash64(F.col("id"), F.lit("updated")), _created_ago() + 1)
    return _ago(F.when(_number(3, "untouched") == 0, _created_ago()).otherwise(touched))


def _created_ago() -> Column:
    return _number(_TEN_YEARS * 1000, "created")


def _ago(milliseconds: Column) -> Column:
    """Return the moment that was so long before last midnight."""
    seconds = milliseconds.cast("decimal(18,0)") / 1000
    return F.current_date().cast("timestamp_ntz") - F.make_dt_interval(secs=seconds.cast("decimal(18,6)"))

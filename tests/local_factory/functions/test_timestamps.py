"""Timestamps: what .NET reads under en-US, and what its format strings write."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_factory.functions.timestamps import MAX_TICKS, Clock, Timestamp, format_timestamp, parse_timestamp

TODAY = date(2024, 2, 29)


def read(text):
    return parse_timestamp(text, TODAY)


AFTERNOON = read("2024-03-05T18:07:08.1234567Z")
MORNING = read("0024-03-05T00:07:08.1200000")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2024-03-05", "2024-03-05T00:00:00.0000000"),
        ("2024-3-5 7:08", "2024-03-05T07:08:00.0000000"),
        ("2024-03", "2024-03-01T00:00:00.0000000"),
        (" 2024/03/05 18:07:08 ", "2024-03-05T18:07:08.0000000"),
        ("2024-03-05T18:07:08.1Z", "2024-03-05T18:07:08.1000000Z"),
        ("2024-03-05t18:07:08z", "2024-03-05T18:07:08.0000000Z"),
        ("2024-03-05T18:07:08.12345678Z", "2024-03-05T18:07:08.1234568Z"),
        ("2024-03-05T18:07:59.99999999Z", "2024-03-05T18:08:00.0000000Z"),
        ("2024-03-05T18:07:08+05:30", "2024-03-05T12:37:08.0000000+00:00"),
        ("2024-03-05T18:07:08-0800", "2024-03-06T02:07:08.0000000+00:00"),
        ("2024-03-05 18:07:08 +01", "2024-03-05T17:07:08.0000000+00:00"),
        ("3/5/2024", "2024-03-05T00:00:00.0000000"),
        ("3/5/24 6:07 PM", "2024-03-05T18:07:00.0000000"),
        ("3/5/50 12:00 AM", "1950-03-05T00:00:00.0000000"),
        ("03-05-2024 12:07:08 pm", "2024-03-05T12:07:08.0000000"),
        ("3/5/2024 6 PM", "2024-03-05T18:00:00.0000000"),
        ("March 5, 2024 6:07:08 PM", "2024-03-05T18:07:08.0000000"),
        ("Tuesday, March 5, 2024", "2024-03-05T00:00:00.0000000"),
        ("5 Mar 2024", "2024-03-05T00:00:00.0000000"),
        ("5-Mar-2024 18:07", "2024-03-05T18:07:00.0000000"),
        ("Tue, 05 Mar 2024 18:07:08 GMT", "2024-03-05T18:07:08.0000000Z"),
        ("March 2024", "2024-03-01T00:00:00.0000000"),
        ("March 5", "2024-03-05T00:00:00.0000000"),
        ("5 March", "2005-03-01T00:00:00.0000000"),
        ("3/5", "2024-03-05T00:00:00.0000000"),
        ("3/2023", "2023-03-01T00:00:00.0000000"),
        ("3/5/124", "0124-03-05T00:00:00.0000000"),
        ("18:07", "2024-02-29T18:07:00.0000000"),
        ("6 PM 3/5/2024", "2024-03-05T18:00:00.0000000"),
        ("2024-03/05", "2024-03-05T00:00:00.0000000"),
        ("3/5/2024 13:00 PM", "2024-03-05T13:00:00.0000000"),
        ("0001-01-01T00:00:00+01:00", "0001-01-01T23:00:00.0000000+00:00"),
        ("3/5/24 18 : 07 :08", "2024-03-05T18:07:08.0000000"),
        ("6 :07 PM", "2024-02-29T18:07:00.0000000"),
        ("2024-03-05 18 : 07 +01:00", "2024-03-05T17:07:00.0000000+00:00"),
        ("2024-03-05T18 :07: 08.5 Z", "2024-03-05T18:07:08.5000000Z"),
        ("2024-03-05T18: 07-08", "2024-03-06T02:07:00.0000000+00:00"),
        ("2024-03-05 T 18:07", "2024-03-05T18:07:00.0000000"),
        ("03/2024/05T18:07", "2024-03-05T18:07:00.0000000"),
        ("024-03-05T18:07", "0024-03-05T18:07:00.0000000"),
        ("Mon, 2024-03-05T18:07", "2024-03-05T18:07:00.0000000"),
    ],
)
def test_what_dotnet_reads_is_read(text, written):
    assert format_timestamp(read(text)) == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a timestamp, such as"),
        ("PM", "is not a timestamp, such as"),
        ("2024-03-05 18:07 UTC", "is not a timestamp, such as"),
        ("2024-03-05T06:07:08 PM", "is not a timestamp, such as"),
        ("today", "is not a timestamp, such as"),
        ("20240305", "is not a timestamp, such as"),
        ("2024-03-123", "is not a timestamp, such as"),
        ("2024-03-05T18", "is not a timestamp, such as"),
        ("3/5/24T18:07:08", "is not a timestamp, such as"),
        ("3/5/2024T18:07:08", "is not a timestamp, such as"),
        ("24-03-05T18:07:08Z", "is not a timestamp, such as"),
        ("3/5T18:07", "is not a timestamp, such as"),
        ("2024-03T18:07", "is not a timestamp, such as"),
        ("Mar 5 2024T18:07", "is not a timestamp, such as"),
        ("2024-Mar-05T18:07", "is not a timestamp, such as"),
        ("2024-03-05T18:07:08 Tue", "is not a timestamp, such as"),
        ("2024-03-05T18:07:08 ,", "is not a timestamp, such as"),
        ("2024-03-05T18:07 :", "is not a timestamp, such as"),
        ("2024-03-05T6 :07", "is not a timestamp, such as"),
        ("Mon, 2024-03-05 18:07", "that day is a Tuesday"),
        ("٢٠٢٤-03-05", "is not a timestamp, such as"),
        ("2023-02-29", "day"),
        ("2024-13-01", "month"),
        ("15/3/2024", "month"),
        ("0000-01-01", "year"),
        ("2024-03-05T24:00:00", "hour"),
        ("3/5/2024 13:00 AM", "there is no 13 AM"),
        ("2024-03-05T00:00:00+15:00", "there is no offset +15:00"),
        ("2024-03-05T00:00:00+05:60", "there is no offset +05:60"),
        ("Monday, March 5, 2024", "that day is a Tuesday"),
    ],
)
def test_what_is_no_timestamp_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=r".+") as caught:
        read(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("letter", "written"),
    [
        ("d", "3/5/2024"),
        ("D", "Tuesday, March 5, 2024"),
        ("f", "Tuesday, March 5, 2024 6:07 PM"),
        ("F", "Tuesday, March 5, 2024 6:07:08 PM"),
        ("g", "3/5/2024 6:07 PM"),
        ("G", "3/5/2024 6:07:08 PM"),
        ("m", "March 5"),
        ("M", "March 5"),
        ("o", "2024-03-05T18:07:08.1234567Z"),
        ("O", "2024-03-05T18:07:08.1234567Z"),
        ("r", "Tue, 05 Mar 2024 18:07:08 GMT"),
        ("R", "Tue, 05 Mar 2024 18:07:08 GMT"),
        ("s", "2024-03-05T18:07:08"),
        ("t", "6:07 PM"),
        ("T", "6:07:08 PM"),
        ("u", "2024-03-05 18:07:08Z"),
        ("U", "Tuesday, March 5, 2024 6:07:08 PM"),
        ("y", "March 2024"),
        ("Y", "March 2024"),
        ("", "3/5/2024 6:07:08 PM"),
    ],
)
def test_every_standard_format_is_written_as_under_en_us(letter, written):
    assert format_timestamp(AFTERNOON, letter) == written


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("d dd ddd dddd", "5 05 Tue Tuesday"),
        ("M MM MMM MMMM", "3 03 Mar March"),
        ("y yy yyy yyyy yyyyy", "24 24 2024 2024 02024"),
        ("h hh H HH", "6 06 18 18"),
        ("m mm s ss", "7 07 8 08"),
        ("f ff fff ffff fffff ffffff fffffff", "1 12 123 1234 12345 123456 1234567"),
        ("F FFFFFFF", "1 1234567"),
        ("t tt", "P PM"),
        ("z zz zzz K", "+0 +00 +00:00 Z"),
        ("gg", "A.D."),
        ("%d", "5"),
        ("% d", " 5"),
        ("%yyyy", "242024"),
        ("%h%m", "67"),
        ("%K", "Z"),
        ("'day' d", "day 5"),
        ('"yyyy" yyyy', "yyyy 2024"),
        (r"\d\\d", r"d\5"),
        (r"'it\'s' d", "it's 5"),
        ("yyyyMMddTHHmmssZ", "20240305T180708Z"),
        ("HH:mm:ss.FFFFFFFK", "18:07:08.1234567Z"),
        ("yyyy年M月", "2024年3月"),
    ],
)
def test_a_custom_format_is_written_letter_by_letter(pattern, written):
    assert format_timestamp(AFTERNOON, pattern) == written


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("y yy yyy yyyy", "24 24 024 0024"),
        ("h hh H HH", "12 12 0 00"),
        ("t tt", "A AM"),
        ("ss.FFF", "08.12"),
        ("yyyyK", "0024"),
    ],
)
def test_early_years_midnight_and_local_times_are_written_in_full(pattern, written):
    assert format_timestamp(MORNING, pattern) == written


def test_an_optional_fraction_of_zero_takes_its_point_away():
    assert format_timestamp(read("2024-03-05T18:07:08Z"), "ss.FFFK") == "08Z"


@pytest.mark.parametrize("pattern", ["q", "x", "'", "'open", 'yyyy "', "yyyy\\", "yyyy%", "%%d", "ffffffff"])
def test_a_wrong_format_is_refused(pattern):
    with pytest.raises(ValueError, match="format"):
        format_timestamp(AFTERNOON, pattern)


def test_ticks_span_the_calendar_and_no_more():
    assert format_timestamp(Timestamp(0)) == "0001-01-01T00:00:00.0000000"
    assert format_timestamp(Timestamp(MAX_TICKS, Clock.UTC)) == "9999-12-31T23:59:59.9999999Z"
    for ticks in (-1, MAX_TICKS + 1):
        with pytest.raises(ValueError, match="outside the years"):
            Timestamp(ticks, Clock.UTC)


@given(st.integers(0, MAX_TICKS), st.sampled_from(Clock), st.sampled_from("oO"))
def test_the_round_trip_format_loses_nothing(ticks, clock, letter):
    timestamp = Timestamp(ticks, clock)
    assert read(format_timestamp(timestamp, letter)) == timestamp


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2049, 12, 31)), st.sampled_from("FGfgDdsurRU"))
def test_what_a_standard_format_writes_is_read_back_as_the_same_day(moment, letter):
    timestamp = Timestamp.of(moment)
    assert read(format_timestamp(timestamp, letter)).moment.date() == moment.date()


@given(st.text(max_size=20) | st.text(alphabet="'\"\\%dfFgHhKMmsTtyz :/", max_size=20))
def test_any_format_is_written_or_refused(pattern):
    try:
        assert isinstance(format_timestamp(AFTERNOON, pattern), str)
    except ValueError as error:
        assert "format" in str(error)

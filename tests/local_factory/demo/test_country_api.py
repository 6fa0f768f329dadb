"""The loopback country API, asked over HTTP as the notebooks ask it."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from local_factory.demo.country_api import CountryApi, sample_countries

KEY = "a-key-of-the-tests"
SEARCHES = ("india", "us", "uk", "china", "russia")


@pytest.fixture(scope="module")
def api():
    with CountryApi.start(api_key=KEY) as running:
        yield running


def get(url, **headers):
    return requests.get(url, headers=headers, timeout=240)


def get_v5(api, path):
    return get(api.v5_url + path, Authorization=f"Bearer {KEY}")


def names(answer):
    return [country["name"]["common"] for country in answer.json()]


def v5_codes(answer):
    return [country["codes"]["alpha_2"] for country in answer.json()["data"]["objects"]]


class TestVersion3:
    def test_a_name_is_a_search_in_all_names_in_arbitrary_order(self, api):
        assert names(get(f"{api.v3_url}/name/india")) == ["British Indian Ocean Territory", "India"]
        assert names(get(f"{api.v3_url}/name/uk")) == ["North Korea", "Ukraine", "United Kingdom"]
        assert names(get(f"{api.v3_url}/name/china")) == ["Macau", "Taiwan", "Hong Kong", "China"]
        assert names(get(f"{api.v3_url}/name/russia")) == ["Russia"]
        found = names(get(f"{api.v3_url}/name/us"))
        assert len(found) == 12
        assert found[0] == "Eswatini"
        assert "United States" in found
        assert names(get(f"{api.v3_url}/name/united%20states")) == [
            "United States",
            "United States Minor Outlying Islands",
            "United States Virgin Islands",
        ]

    @pytest.mark.parametrize("name", ["INDIA", "InDiA", "india/"])
    def test_a_search_ignores_case_and_a_trailing_slash(self, api, name):
        assert len(get(f"{api.v3_url}/name/{name}").json()) == 2

    def test_a_search_may_hold_escaped_and_foreign_letters(self, api):
        assert names(get(f"{api.v3_url}/name/Great%20Britain")) == ["United Kingdom"]
        assert names(get(f"{api.v3_url}/name/BHĀRAT")) == names(get(f"{api.v3_url}/name/bh%C4%81rat")) == ["India"]

    @pytest.mark.parametrize("name", ["us", "uk", "ind", "GB"])
    def test_full_text_is_equality_with_a_common_or_official_name(self, api, name):
        assert get(f"{api.v3_url}/name/{name}?fullText=true").status_code == 404
        assert names(get(f"{api.v3_url}/name/republic%20of%20india?fullText=true")) == ["India"]

    @pytest.mark.parametrize("path", ["/name/atlantis", "/name/", "/alpha/zz", "/capital/paris", "/name/a/b", ""])
    def test_no_match_is_404_with_a_message(self, api, path):
        answer = get(api.v3_url + path)
        assert answer.status_code == 404
        assert answer.json() == {"message": "Not Found", "status": 404}

    @pytest.mark.parametrize("code", ["IN", "in", "IND", "356"])
    def test_a_country_is_found_by_each_of_its_codes(self, api, code):
        assert names(get(f"{api.v3_url}/alpha/{code}")) == ["India"]

    def test_a_code_of_another_length_is_a_bad_request(self, api):
        answer = get(f"{api.v3_url}/alpha/INDIA")
        assert (answer.status_code, answer.json()) == (400, {"message": "Bad Request", "status": 400})

    def test_all_needs_fields_and_gives_no_others(self, api):
        assert get(f"{api.v3_url}/all").status_code == 400
        countries = get(f"{api.v3_url}/all?fields=cca2,fifa").json()
        assert len(countries) == len(sample_countries())
        assert {"cca2": "IN", "fifa": "IND"} in countries
        assert {"cca2": "GB"} in countries
        assert get(f"{api.v3_url}/all?fields=a,b,c,d,e,f,g,h,i,j,k").status_code == 400

    def test_a_record_has_the_keys_of_v3_and_leaves_empty_ones_out(self, api):
        (india,) = get(f"{api.v3_url}/alpha/IN").json()
        (united_kingdom,) = get(f"{api.v3_url}/alpha/GB").json()
        assert len(india) == 35
        assert india["name"]["nativeName"]["hin"]["common"] == "भारत"
        assert set(india) - set(united_kingdom) == {"fifa"}

    @pytest.mark.parametrize("search", SEARCHES)
    def test_it_answers_what_the_real_server_answered(self, api, shared_folder, search):
        recorded = json.loads((shared_folder / f"data/restcountries-v3.1/{search}.json").read_text(encoding="utf-8"))
        answered = get(f"{api.v3_url}/name/{search}").json()
        assert [country["cca2"] for country in answered] == [country["cca2"] for country in recorded]
        assert [list(country) for country in answered] == [list(country) for country in recorded]
        assert answered == recorded


class TestVersion5:
    @pytest.mark.parametrize("code", ["IN", "US", "GB", "CN", "RU", "in"])
    def test_a_code_finds_one_country(self, api, code):
        assert v5_codes(get_v5(api, f"/codes.alpha_2/{code}")) == [code.upper()]

    def test_a_name_finds_one_country(self, api):
        assert v5_codes(get_v5(api, "/names.common/India")) == ["IN"]
        assert v5_codes(get_v5(api, "/names.common/united%20kingdom")) == ["GB"]

    def test_the_envelope_counts_what_it_holds(self, api):
        envelope = get_v5(api, "/codes.alpha_2/IN").json()
        assert set(envelope) == {"data"}
        meta = envelope["data"]["meta"]
        assert (meta["total"], meta["count"], meta["limit"], meta["offset"], meta["more"]) == (1, 1, 25, 0, False)
        assert meta["request_id"]
        assert meta["duration"] >= 0

    def test_a_search_looks_at_names_and_codes(self, api):
        assert v5_codes(get_v5(api, "?q=india")) == ["IO", "IN"]
        assert "US" in v5_codes(get_v5(api, "?q=us"))
        assert v5_codes(get_v5(api, "?q=GBR")) == ["GB"]
        assert v5_codes(get_v5(api, "/names.common?q=king")) == ["GB"]
        assert v5_codes(get_v5(api, "/name?q=bharat")) == ["IN"]
        assert v5_codes(get_v5(api, "/code/GBR")) == ["GB"]

    @pytest.mark.parametrize("path", ["?q=atlantis", "/codes.alpha_2/ZZ", "/names.common/us"])
    def test_a_search_without_a_match_is_an_empty_success(self, api, path):
        answer = get_v5(api, path)
        assert answer.status_code == 200
        assert answer.json()["data"]["objects"] == []

    def test_pages_put_together_are_the_whole(self, api):
        whole = v5_codes(get_v5(api, "?limit=100"))
        pages, more = [], True
        while more:
            page = get_v5(api, f"?limit=8&offset={len(pages)}")
            pages += v5_codes(page)
            more = page.json()["data"]["meta"]["more"]
        assert pages == whole == [country["cca2"] for country in sample_countries()]

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=1.5"])
    def test_a_page_beyond_the_limits_is_a_bad_request(self, api, query):
        answer = get_v5(api, f"?{query}")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"]

    @pytest.mark.parametrize(("path", "status"), [("/planet/IN", 404), ("/codes.alpha_2", 400), ("/a/b/c", 404)])
    def test_errors_come_as_a_list_of_messages(self, api, path, status):
        answer = get_v5(api, path)
        assert answer.status_code == status
        assert list(answer.json()) == ["errors"]

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", KEY, f"Bearer {KEY}x"])
    def test_without_the_key_it_is_401(self, api, header):
        answer = get(f"{api.v5_url}/codes.alpha_2/IN", Authorization=header)
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["message"].startswith("Authorization key")
        assert KEY not in answer.text

    def test_without_a_key_of_its_own_it_refuses_every_key(self):
        with CountryApi.start() as keyless:
            assert get(f"{keyless.v5_url}/codes.alpha_2/IN", Authorization="Bearer None").status_code == 401
            assert get(f"{keyless.v3_url}/alpha/IN").status_code == 200


class TestServer:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_it_can_only_be_read(self, api, method):
        for url in (f"{api.v3_url}/name/india", f"{api.v5_url}/codes.alpha_2/IN"):
            assert requests.request(method, url, data=b"x" * 10_000, timeout=240).status_code == 405

    def test_any_other_address_is_404(self, api):
        root = api.v3_url.removesuffix("/v3.1")
        assert get(root).status_code == get(f"{root}/v3.10/name/india").status_code == 404

    def test_many_can_ask_at_once(self, api):
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda search: get(f"{api.v3_url}/name/{search}"), SEARCHES * 10))
        assert [len(answer.json()) for answer in answers] == [2, 12, 3, 4, 1] * 10

    def test_it_listens_on_loopback_only_and_stops_with_its_context(self, capfd):
        before = threading.active_count()
        with CountryApi.start() as short_lived:
            address = urlsplit(short_lived.v3_url)
            assert address.hostname == "127.0.0.1"
            assert get(f"{short_lived.v3_url}/name/india").ok
            silent = socket.create_connection((address.hostname, address.port))
        with silent, pytest.raises(requests.ConnectionError):
            get(f"{short_lived.v3_url}/name/india")
        assert threading.active_count() <= before + 1  # the silent client's thread may still see it go
        assert capfd.readouterr() == ("", "")

    def test_it_stops_when_its_user_fails(self):
        with pytest.raises(RuntimeError, match="the user's"), CountryApi.start() as short_lived:
            raise RuntimeError("the user's")
        with pytest.raises(requests.ConnectionError):
            get(f"{short_lived.v3_url}/name/india")

    def test_its_key_is_not_printed(self, api):
        assert KEY not in repr(api)

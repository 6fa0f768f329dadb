"""An API that gives its records page by page, in every way that there is a paginator for, and signs in every way.

Each way has a path: `/header_link`, `/json_link`, `/cursor`, `/header_cursor`, `/page_number`, `/offset`, `/single`.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any

from fakes.faulty_http import Answer, FaultyServer, Request, json_answer


class PagingApi:
    """Records behind a server; they may change while they are read.

    Args:
        server: gives the answers.
        records: what the API has.
        size: records of a page.
    """

    def __init__(self, server: FaultyServer, records: Sequence[dict[str, Any]], size: int = 3) -> None:
        self.server = server
        self.records = list(records)
        self.size = size
        for name in ("header_link", "json_link", "cursor", "header_cursor", "page_number", "offset", "single"):
            server.route(f"/{name}", self.guarded(getattr(self, f"_{name}")))
        self.is_let_in: Callable[[Request], bool] = lambda _request: True

    def guarded(self, answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        """Let in only who signs as asked."""

        def guard(request: Request) -> Answer:
            if not self.is_let_in(request):
                return json_answer({"errors": [{"message": "Who are you?"}]}, 401)
            return answer(request)

        return guard

    def _page(self, start: int) -> tuple[list[dict[str, Any]], int | None]:
        end = start + self.size
        return self.records[start:end], end if end < len(self.records) else None

    def _header_link(self, request: Request) -> Answer:
        page, following = self._page(int(request.query.get("start", 0)))
        others = f'<{self.server.url}/header_link>; rel="first"'
        link = f', <{self.server.url}/header_link?start={following}&more=a%2Cb>; rel="next"' if following else ""
        return json_answer(page, Link=others + link)

    def _json_link(self, request: Request) -> Answer:
        page, following = self._page(int(request.query.get("start", 0)))
        link = f"/json_link?start={following}" if following else None
        return json_answer({"items": page, "links": {"next": link}})

    def _cursor(self, request: Request) -> Answer:
        start = int(base64.b64decode(request.query.get("after", "")) or 0)
        page, following = self._page(start)
        token = base64.b64encode(str(following).encode()).decode() if following else ""
        return json_answer({"items": page, "meta": {"after": token}})

    def _header_cursor(self, request: Request) -> Answer:
        page, following = self._page(int(request.query.get("after", 0)))
        return json_answer(page, **({"X_Next": str(following)} if following else {}))

    def _page_number(self, request: Request) -> Answer:
        page, _ = self._page((int(request.query["page"]) - 1) * self.size)
        return json_answer({"items": page, "pages": -(-len(self.records) // self.size)})

    def _offset(self, request: Request) -> Answer:
        # As many servers do, it gives fewer records than asked for.
        start, limit = int(request.query["offset"]), min(int(request.query["limit"]), self.size)
        return json_answer({"items": self.records[start : start + limit], "meta": {"total": len(self.records)}})

    def _single(self, _request: Request) -> Answer:
        return json_answer({"items": self.records})

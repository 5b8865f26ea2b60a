"""The query set: which queries we have asked the server to keep us told of.

Spec: queries
Not here: the results (see transitions), the optimistic layers (see optimistic).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from . import messages
from .messages import ABSENT, Absent, Outcome
from .values import Json, canonical, encode_args


@dataclass(slots=True)
class Query:
    """One entry of the set, for however many subscribers."""

    token: str
    query_id: int
    path: str
    args: Json
    subscribers: int = 1
    journal: str | Absent | None = ABSENT


def token_of(path: str, args: Json) -> str:
    """One text for all spellings of a query; the path is canonical, the arguments encoded."""
    return canonical({"path": path, "args": args})


def name_of(path: str, args: object) -> tuple[str, str, Json]:
    """Token, canonical path and encoded arguments of a query. Raises LocalProtocolError."""
    canonical_path, encoded = messages.canonical_path(path), encode_args(args)
    return token_of(canonical_path, encoded), canonical_path, encoded


class QuerySet:
    """The queries that are wanted, and what the server of this connection knows of them."""

    def __init__(self) -> None:
        self._by_token: dict[str, Query] = {}
        self._by_id: dict[int, Query] = {}
        self._next_id = 0
        self._version = 0
        self._known: set[int] = set()
        self._unanswered: set[int] = set()

    def __len__(self) -> int:
        return len(self._by_token)

    def add(self, path: str, args: Json) -> str:
        """Count one more subscriber of a query; return its token."""
        # [queries.share] However many ask, the server is asked once.
        token = token_of(path, args)
        query = self._by_token.get(token)
        if query is not None:
            query.subscribers += 1
            return token
        # [queries.id-unique] [queries.journal-fresh] A query that comes back is a new one.
        query = Query(token, self._next_id, path, args)
        self._next_id += 1
        self._by_token[token] = self._by_id[query.query_id] = query
        return token

    def remove(self, token: str) -> Query | None:
        """Count one subscriber less; return the query when that was the last one."""
        query = self._by_token[token]
        query.subscribers -= 1
        if query.subscribers:
            return None
        del self._by_token[token], self._by_id[query.query_id]
        self._unanswered.discard(query.query_id)
        return query

    def by_token(self, results: Mapping[int, Outcome | None]) -> dict[str, Outcome | None]:
        """The results of the queries that are still wanted."""
        found = {}
        for query_id, outcome in results.items():
            query = self._by_id.get(query_id)
            # [queries.late-result]
            if query is not None:
                found[query.token] = outcome
        return found

    def names(self) -> dict[str, tuple[str, str, Json]]:
        """Token, path and arguments of every wanted query, by token."""
        return {token: (token, query.path, query.args) for token, query in self._by_token.items()}

    def reset(self) -> None:
        """A new connection: its server knows nothing of us."""
        # [connection.rebuild] Edits for the old connection are forgotten, not replayed.
        self._version = 0
        self._known.clear()
        self._unanswered = set(self._by_id)

    def opening(self) -> str:
        """The message that asks for the whole set on a new connection."""
        # [connection.opening-set] [queries.ids-survive] Also when there is nothing to ask.
        self.reset()
        return self._edit(list(self._by_id.values()), ())

    def edits(self) -> str | None:
        """The message that tells the server what changed since the last one, if anything did."""
        # [queries.net-edits] What came and went in between is never mentioned.
        if self._known == self._by_id.keys():
            return None
        added = [query for id_, query in self._by_id.items() if id_ not in self._known]
        return self._edit(added, sorted(self._known - self._by_id.keys()))

    def _edit(self, added: list[Query], removed: Iterable[int]) -> str:
        # [queries.add] [queries.remove] [queries.canonical-path]
        modifications = [messages.remove(query_id) for query_id in removed]
        # [queries.journal-echo] The page ends where it ended before.
        modifications += [messages.add(q.query_id, q.path, q.args, q.journal) for q in added]
        self._known = set(self._by_id)
        # [queries.version-step]
        text = messages.modify_query_set(self._version, modifications)
        self._version += 1
        return text

    def answered(self, query_id: int, journal: str | None) -> str | None:
        """Keep the journal that came with a result; return the path of a query still wanted."""
        self._unanswered.discard(query_id)
        query = self._by_id.get(query_id)
        if query is None:
            return None
        query.journal = journal
        return query.path

    def removed(self, query_id: int) -> None:
        """The server says that it has forgotten a query."""
        self._unanswered.discard(query_id)

    @property
    def all_answered(self) -> bool:
        """Whether every query of this connection's opening has its answer."""
        return not self._unanswered

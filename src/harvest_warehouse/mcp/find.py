"""Find metrics, questions, tables and columns by words. Pure: only our own texts are searched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harvest_warehouse.marts.models import described
from harvest_warehouse.semantics import SemanticModel

_MOST = 12
_ENDINGS = ("ations", "ation", "ing", "ies", "es", "ed", "s", "y")
_EMPTY = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "can",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "is",
        "it",
        "me",
        "much",
        "many",
        "my",
        "not",
        "of",
        "on",
        "our",
        "should",
        "so",
        "that",
        "the",
        "their",
        "them",
        "there",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whose",
        "will",
        "with",
    ]
)
_WHOLE_QUESTION = 5


@dataclass(frozen=True)
class Found:
    """A match: a metric, a question, a table or a column, the name to ask for, and what it is."""

    kind: str
    name: str
    words: str


def found(model: SemanticModel, text: str) -> list[Found]:
    """Matches for words, the best first."""
    wanted = _stems(text)
    scored = [(_score(text, wanted, one, also), place, one) for place, (one, also) in enumerate(_all(model))]
    return [one for score, _, one in sorted(scored, key=lambda each: (-each[0], each[1])) if score > 0][:_MOST]


def _all(model: SemanticModel) -> Iterator[tuple[Found, str]]:
    for metric in model.metrics.values():
        yield Found("metric", metric.name, f"{metric.words}. Not for: {metric.not_for}."), " ".join(metric.synonyms)
    for question in model.questions.values():
        yield Found("question", question.name, " ".join(question.asks)), ""
    for table in described().values():
        yield Found("table", table.name, f"{table.description} {table.grain}."), ""
    for table in described().values():
        for column, words in table.columns.items():
            yield Found("column", f"{table.name}.{column}", words), ""


def _score(text: str, wanted: set[str], one: Found, also: str) -> float:
    if not wanted:
        return 0
    name, synonyms, words = _stems(one.name), _stems(also), _stems(one.words)
    score = sum(3 * (word in name) + 2 * (word in synonyms) + (word in words) for word in wanted) / len(wanted)
    said = " ".join(re.findall(r"[a-z0-9]+", text.lower()))
    if one.kind == "question" and said and said in " ".join(re.findall(r"[a-z0-9]+", one.words.lower())):
        score += _WHOLE_QUESTION
    return score * {"metric": 1.2, "question": 1.1, "table": 0.9, "column": 0.6}[one.kind]


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _EMPTY}


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word

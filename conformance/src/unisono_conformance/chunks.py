"""Cuts a Transition into chunks, in order or in a wrong one.

Spec: transitions
Not here: the reading of chunks; only clients read them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from unisono_conformance.values import Json


def chunk_frames(frame: Json, parts: int, order: Sequence[int] | None = None) -> list[Json]:
    """Cut a frame's text into so many parts; `order` picks which are sent, and when."""
    text = json.dumps(frame, ensure_ascii=False)
    size = -(-len(text) // parts)
    pieces = [text[index * size : (index + 1) * size] for index in range(parts)]
    frames = [
        {
            "type": "TransitionChunk",
            "chunk": piece,
            "partNumber": number,
            "totalParts": parts,
            "transitionId": str(len(text.encode())),
        }
        for number, piece in enumerate(pieces)
    ]
    return frames if order is None else [frames[index] for index in order]

"""Segments evaluated ahead: a thread asks the engine for the next ones while the database writes the one before."""

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import Error, connection

from crm.statements import only_this_connection_sees
from segments import evaluation, ledger
from segments.models import Segment

log = logging.getLogger(__name__)
AHEAD: Final = 2  # segments whose members are held while another is written: sixteen bytes a member


@dataclass(frozen=True)
class Found:
    """Who belongs to a segment by its rule, who is in its ledger so far (None: still to be read), and the seconds."""

    wanted: ledger.Ids
    known: ledger.Read | None
    seconds: float


Evaluated = Callable[[], Found]
"""Waits for what was found of a segment; raises what kept it from being found."""


def evaluated(
    ordered: Sequence[Segment], engine: evaluation.Engine
) -> Generator[tuple[Segment, Evaluated], None, None]:
    """Each segment with its members, in this order; a segment counts as written when the next one is asked for.

    One whose rule names a segment that is still to be written is asked for when its turn comes. What rules need of the
    database the caller's thread reads; one other thread asks the engine, whose cursor serves one at a time, and reads
    the ledger, as far as it is to be seen from there.
    """
    uses = {one.pk: evaluation.segments_in(one.rule, engine.catalogue) for one in ordered}
    unwritten, begun = {one.slug for one in ordered}, dict[int, Future[Found]]()
    pool, read = ThreadPoolExecutor(1, thread_name_prefix="evaluating"), not only_this_connection_sees()
    try:
        for i, segment in enumerate(ordered):
            for one in ordered[i : i + 1 + AHEAD]:
                if one.pk not in begun and (one is segment or not uses[one.pk] & unwritten):
                    begun[one.pk] = _begin(pool, one, engine, read=read)
            yield segment, begun.pop(segment.pk).result
            unwritten.discard(segment.slug)
    finally:
        for future in begun.values():
            future.cancel()
        pool.submit(_close)
        pool.shutdown()


def _close() -> None:
    connection.close()  # the thread's own


def _begin(pool: ThreadPoolExecutor, segment: Segment, engine: evaluation.Engine, *, read: bool) -> "Future[Found]":
    try:
        question = engine.question(segment)
    except Exception as fault:  # told when its turn comes
        failed = Future[Found]()
        failed.set_exception(fault)
        return failed
    return pool.submit(copy_context().run, partial(_find, question, segment.pk if read else None))


def _find(question: Callable[[], ledger.Ids], segment_id: int | None) -> Found:
    watch = evaluation.Stopwatch()
    return Found(question(), _read(segment_id) if segment_id else None, watch.seconds)


def _read(segment_id: int) -> ledger.Read | None:
    try:
        return ledger.read(segment_id)
    except Error:  # whoever writes reads it again, and says what is wrong
        log.warning("The ledger of segment %s could not be read ahead.", segment_id, exc_info=True)
        return None

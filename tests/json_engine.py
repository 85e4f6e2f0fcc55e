"""An engine that works as worker processes do, in this one: all that goes to a worker or back is JSON."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from datafetch.errors import DatafetchError
from datafetch.job import BatchWorker, JobContext, R, S, T
from datafetch.models.error_values import error_value, read_error
from datafetch.models.json import JsonObject
from datafetch.models.option_values import read_options
from datafetch.models.run import JobName
from datafetch.ops.dead_letters import DeadLetters
from datafetch.runtime.batches import Batch, BatchAnswer, ItemWork, RunLink
from datafetch.runtime.engine import Engine
from datafetch.runtime.limits import Places

WorkerMaker = Callable[[JobContext[S], JsonObject, Places], BatchWorker]


def over_json(context: JobContext[S], make: WorkerMaker[S], size: int = 3) -> JobContext[S]:
    """The same context, whose job's items go through JSON to the worker that `make` makes.

    A batch has at most `size` items.
    """
    return replace(context, engine=_JsonEngine(context, make, size))


class _JsonEngine(Engine):
    """Works on one batch after the other; within a batch on threads, as a worker does."""

    def __init__(self, context: JobContext[S], make: WorkerMaker[S], size: int) -> None:
        super().__init__(context.engine.width, context.cancel)
        self._here = context.engine
        self._size = size

        def worker_for(job: str, common: JsonObject) -> BatchWorker:
            """The worker, whose context knows of the run only what was sent, and the settings."""
            letters = DeadLetters.unread(context.store, context.keys, JobName(job), context.clock)
            its = replace(context, options=read_options(common["options"]), dead_letters=letters)
            return make(its, common, Places())

        self._worker_for = worker_for

    def spread(
        self,
        work: ItemWork[T, R],
        link: RunLink,
        here: Callable[[T], R],
        items: Iterable[T],
    ) -> Iterator[R]:
        worker = self._worker_for(work.job, _through_json(work.common))
        rest = iter(items)
        while tasks := list(islice(rest, self._size)):
            self._cancel.raise_if_cancelled()
            sent = Batch(link.run_id, work.job, work.common, [work.encode(task) for task in tasks])
            batch = Batch.of(_through_json(sent.to_json()))
            answer = BatchAnswer.of(_through_json(self._answer(worker, batch).to_json()))
            for place, value in answer.results.items():
                yield work.decode(tasks[place], value)
            self._cancel.raise_if_cancelled()
            if answer.error is not None:
                raise read_error(answer.error)

    def _answer(self, worker: BatchWorker, batch: Batch) -> BatchAnswer:
        results: dict[int, object] = {}

        def work(place: int) -> None:
            results[place] = worker(batch.items[place])

        try:
            for _ in self._here.map(work, range(len(batch.items))):
                pass
        except Exception as error:  # noqa: BLE001 - told, as a worker tells it
            return BatchAnswer(results, error_value(error), {}, worker.hold_s())
        return BatchAnswer(results, None, {}, worker.hold_s())


class LostEngine(Engine):
    """An engine whose cluster is lost, with this error, after the first two results."""

    def __init__(self, error: DatafetchError) -> None:
        super().__init__(1)
        self._error = error

    def spread(
        self, work: ItemWork[T, R], link: RunLink, here: Callable[[T], R], items: Iterable[T]
    ) -> Iterator[R]:
        results = self.map(here, items)
        yield next(results)
        yield next(results)
        raise self._error


def _through_json(value: JsonObject) -> Any:
    return json.loads(json.dumps(value))

"""All questions asked of one database, in one face or in both, with times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rhosocial.activerecord.blocking import run

from .answer import Answer, Question
from .models import Models

FACES = ("blocking", "awaiting")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's answers and seconds, by face."""

    question: Question
    answers: dict[str, Answer]
    seconds: dict[str, float]

    @property
    def name(self) -> str:
        """The question's name."""
        return str(getattr(self.question, "__name__", self.question))

    @property
    def title(self) -> str:
        """The question as it is put to people."""
        return (self.question.__doc__ or self.name).strip()

    @property
    def answer(self) -> Answer:
        """The answer of the face that was asked first."""
        return next(iter(self.answers.values()))

    @property
    def is_same_in_both_faces(self) -> bool:
        """Whether all faces gave equal answers."""
        return all(answer == self.answer for answer in self.answers.values())


def survey(models: Models, questions: tuple[Question, ...], faces: tuple[str, ...]) -> Iterator[Asked]:
    """Ask each question in each face, and give what came out before the next one is asked."""
    for question in questions:
        answers: dict[str, Answer] = {}
        seconds: dict[str, float] = {}
        for face in faces:
            start = time.perf_counter()
            # The blocking face is the same function stepped by hand: no event loop and no second copy of the code.
            answers[face] = run(question(models)) if face == "blocking" else asyncio.run(question(models))
            seconds[face] = time.perf_counter() - start
        yield Asked(question, answers, seconds)

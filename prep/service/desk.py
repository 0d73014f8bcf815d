"""What the routes ask for: reading, drawing, and the jobs. It has the models and the queues."""

import asyncio
from collections.abc import Sequence

from prep.models.choose_models import card_of, generator_of, is_trial, tagger_for, would_draw
from prep.models.ref import ModelRef
from prep.models.residency import MEMORY
from prep.protocols import Card
from prep.sections import Settings
from prep.service.drawing import pictures_of
from prep.service.jobs import WHY_ENDED, Jobs
from prep.service.lane import Lane, Task
from prep.service.orders import Drawn, Order, Progress
from prep.service.reading import Reading, ReadingDesk
from prep.service.studio import Studio
from prep.service.work import Halted, Work
from prep.web.refused import Refused, stopping, too_many


class Desk:
    """Made, and started, before the server answers."""

    def __init__(self, settings: Settings, run_arguments: Sequence[str] = ()) -> None:
        """run_arguments: of `prep run`, for datasets. Chooses the models. Raises UsageError, StoppedError."""
        self.settings = settings
        self.tagger: ModelRef = tagger_for(settings)
        self.generator: ModelRef | None = generator_of(settings)
        self.card: Card | None = card_of(self.generator) if self.generator else None
        self.why_not_drawing = "" if self.generator else would_draw(settings)[1]
        self.reading = ReadingDesk(self.tagger, settings)
        self.lane = Lane(settings.serve.queue)
        self.studio = Studio(settings, self.tagger, self.generator, self.card, tuple(run_arguments))
        self.jobs = Jobs(settings.serve, self.lane, self.studio)

    @property
    def trial(self) -> bool:
        """Whether a starter model reads or draws."""
        return is_trial(self.tagger) or bool(self.generator and is_trial(self.generator))

    def start(self) -> None:
        """Load the tagger, and go on with the jobs of the last time. Raises WeightsError, SettingsError; StoppedError
        when another server has its folder.
        """
        self.jobs.lock()
        self.reading.start()
        self.jobs.resume()
        self.lane.start()

    def finish(self) -> None:
        """Begin no drawing more: whoever waits for one is refused. Returns when nothing is drawn."""
        self.lane.stop()
        self.lane.join()

    def close(self) -> None:
        """Finish what is being drawn and read; jobs that wait stay on disk."""
        self.lane.close()
        self.reading.close()
        self.jobs.close()
        MEMORY.clear()

    async def read(self, pictures: Sequence[bytes], client: str) -> list[Reading]:
        """Raises Refused."""
        if len(pictures) > self.settings.serve.pictures:
            raise too_many(len(pictures), self.settings.serve.pictures)
        return await self.reading.read(pictures, client)

    async def draw(self, order: Order, client: str) -> Drawn:
        """Wait for its turn and for its pictures. A caller that is cancelled frees its place. Raises Refused."""
        self.check(order)
        task = Task(client, lambda work: self.studio.draw(order, work), self._work(order), waits=True)
        self.lane.check_room(client)
        self.lane.put(task)
        try:
            return await asyncio.wrap_future(task.future)
        except asyncio.CancelledError:
            self.lane.remove(task)
            raise
        except Halted as error:
            raise stopping() if error.why == "stopping" else Refused(503, WHY_ENDED[error.why]) from None

    def require_card(self) -> Card:
        """Of the generator. Raises Refused, 503, when there is none."""
        if self.card is None:
            raise Refused(503, f"this server draws nothing: {self.why_not_drawing}", "start it with a generator")
        return self.card

    def check(self, order: Order) -> None:
        """Raises Refused for an order that this server cannot draw."""
        card = self.require_card()
        if len(order.seeds) > self.settings.serve.pictures:
            raise too_many(len(order.seeds), self.settings.serve.pictures)
        pictures_of(order, self.generator, card)

    def now(self) -> Progress:
        return self.lane.now()

    def interrupt(self, client: str) -> None:
        """What this client waits for, and is being drawn, ends with the pictures that are done. Jobs have DELETE."""
        current = self.lane.current
        if current and current.waits and current.client == client:
            current.work.halted = "interrupted"

    def _work(self, order: Order) -> Work:
        return Work("request", self.settings.serve.job_seconds, self.lane.stopping, pictures=len(order.seeds))

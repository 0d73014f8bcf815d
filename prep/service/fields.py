"""What clients of /v1 send and get, field by field. What it says here is what /docs shows."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from prep.service.captions import STYLES
from prep.service.orders import MOST_SEED
from prep.service.store import State

WAIT = "true: answer when it is done; if you hang up before, it is cancelled. false: answer at once with its id"
# A face of a few rectangles on nothing, 256 x 256 pixels: a whole picture that fits into an example.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAQAAAAEAAgMAAAAhHED1AAAADFBMVEX////60qooKDzwljxBtDBEAAAABHRSTlMA////sy1AiAAAAIFJREFUeN"
    "rt2EEKgCAURdFXtMVaZC6yBo0SHYSTwHNHInWITxCWSJIkvVvqjevjDevoEwAAAAAAAPgbsLU2j87FpyECAAAAAAAAAADTnxeSZE9SGmtDBAAA"
    "gDm/C6WzNkQAAAAAAAAAAMB5IXn+HzkveA+KIQIAAAAAMCMgSZJUdwP1bgiL7SfFpgAAAABJRU5ErkJggg=="
)


def _plain(text: str) -> str:
    """Text that tokenizers, files and JSON can hold."""
    if "\0" in text:
        raise ValueError("text without control characters")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("half a surrogate pair is no letter")
    return text


Words = Annotated[str, AfterValidator(_plain), Field(max_length=10_000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReadBody(Body):
    images: list[str] = Field(min_length=1, description="base64 or data: URIs; in a form, files", examples=[[PNG]])
    style: Literal[STYLES] = Field("tags", description="of the caption: tags, or a sentence made of them")
    trigger: Words = Field("", description="a trigger word that the caption begins with", examples=["sylvie"])
    threshold: float | None = Field(None, ge=0, le=1, description="null: by the picture's edges, as in a set")
    scores: bool = Field(False, description="true: also the scores of all tags above 0.02")


class DrawBody(Body):
    prompt: Words = Field(
        "",
        description="empty, with an image: its tags. Of an edit without `source`: what changes",
        examples=["1girl, orange hair, smile"],
    )
    negative: Words | None = Field(None, description="null: the model's own words")
    sentence: Words = Field("", description="for T5, where the model has it; empty: the prompt")
    image: str | None = Field(None, description="base64 or a data: URI; in a form, a file")
    mask: str | None = Field(None, description="of img2img: white is drawn anew; in a form, a file")
    manner: Literal["text", "img2img", "edit", "composite"] | None = Field(
        None, description="null: img2img with an image, else text. edit: FlowEdit. composite: the image's figure "
        "before a scene drawn from the prompt")  # fmt: skip
    strength: float | None = Field(None, ge=0.01, le=1, description="of img2img and edit: share of the steps")
    source: Words = Field("", description="of an edit: a prompt for what the image shows; empty: its tags")
    width: int | None = Field(None, ge=64, le=4096, description="pixels; null: the image's, or the model's own")
    height: int | None = Field(None, ge=64, le=4096)
    steps: int | None = Field(None, ge=1, le=150, description="null: the model's own")
    guidance: float | None = Field(None, ge=0, le=30, description="CFG scale; null: the model's own")
    sampler: str | None = Field(None, max_length=60, description="one of /v1/models; null: the settings'")
    seed: int = Field(-1, ge=-1, le=MOST_SEED, description="-1: a random one; further pictures have the next ones")
    count: int = Field(1, ge=1, le=1_000, description="pictures")
    wait: bool = Field(False, description=WAIT)


class LoopBody(Body):
    image: str = Field(description="base64 or a data: URI; in a form, a file", examples=[PNG])
    character: Annotated[str, AfterValidator(_plain), Field(min_length=1, max_length=100)] = Field(
        "picture", description="whose picture it is: the trigger word of the caption"
    )
    count: int = Field(
        4, ge=1, le=100, description="accepted variations that are wanted: up to four times as many are tried"
    )
    wait: bool = Field(False, description=WAIT)


class DatasetBody(Body):
    source: Words = Field(min_length=1, description="a folder below one of serve.roots", examples=["characters"])
    name: Words = Field("", description="of the set in outputs/; empty: the folder's")


class Tagged(BaseModel):
    name: str
    category: str
    score: float


class ReadPicture(BaseModel):
    caption: str
    tags: list[Tagged] = Field(description="above the threshold, best first")
    scores: list[Tagged] | None = Field(None, description="if asked for: all above 0.02, best first")
    rating: str | None
    edge_density: float = Field(description="share of edge pixels, 0-1")
    level: str = Field(description="simple, medium or complex, by edge density")
    threshold: float


class ReadAnswer(BaseModel):
    tagger: str
    trial: bool = Field(description="whether a starter model reads or draws")
    pictures: list[ReadPicture]


class JobError(BaseModel):
    message: str
    hint: str = Field(description="what to do; may be empty")


class JobAnswer(BaseModel):
    id: str
    kind: Literal["draw", "loop", "dataset"]
    status: State
    before: int = Field(description="jobs that come first")
    progress: float | None = Field(description="0-1; null: how much there is to do is not known")
    line: str = Field(description="what it said last")
    created: float = Field(description="seconds since 1970")
    began: float | None
    ended: float | None
    result: dict[str, Any] | None = Field(
        None, description="of draw and loop: pictures, each with its url, prompt and seed; of loop: also tags and "
        "caption, and per picture its check; of a dataset: out, the set's folder, and its sheets")  # fmt: skip
    error: JobError | None = None
    trial: bool = Field(False, description="whether a starter model reads or draws")


class ErrorAnswer(BaseModel):
    detail: str


class TaggerCard(BaseModel):
    name: str
    digest: str
    tags: int = Field(description="how many it knows")


class GeneratorCard(BaseModel):
    name: str
    precision: str
    samplers: list[str]
    steps: int = Field(description="its own; a request may ask for others")
    guidance: float
    width: int = Field(description="pixels, of its own square")
    height: int
    edits: bool
    quality: str = Field(description="words of its own that go in front of a prompt")
    negative: str = Field(description="and into the negative prompt")


class ModelsAnswer(BaseModel):
    tagger: TaggerCard
    generator: GeneratorCard | None
    styles: list[str] = Field(description="of captions")
    trial: bool = Field(description="whether a starter model reads or draws")
    why_not_drawing: str = Field(description="empty if it draws")

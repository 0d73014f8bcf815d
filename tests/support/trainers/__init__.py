"""How each other trainer reads its format: folder -> [(caption, bytes of the picture)] by the format's own rules."""

from tests.support.trainers import ai_toolkit, imagefolder, kohya, onetrainer, simpletuner, webdataset

READERS = {
    "kohya": kohya.read,
    "imagefolder": imagefolder.read,
    "onetrainer": onetrainer.read,
    "ai-toolkit": ai_toolkit.read,
    "simpletuner": simpletuner.read,
    "webdataset": webdataset.read,
}

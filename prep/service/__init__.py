"""The loop over HTTP: pictures in, tags, prompts and new pictures out, behind a queue. `prep serve` starts it.

One thread draws, one order at a time; another one reads, in batches; the event loop does nothing that takes long.
"""

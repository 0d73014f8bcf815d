"""The loop over HTTP: pictures in, tags, prompts and new pictures out, behind a queue. `prep serve` starts it.

One thread draws, one at a time a device; one reads, in batches; the event loop of uvicorn does nothing that takes long.
"""

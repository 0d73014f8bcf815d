"""What `prep serve` and `prep review` share: uvicorn as prep runs it, who may ask, and how a refusal is answered."""

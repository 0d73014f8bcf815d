"""Crops of a person's own pictures: a head, an upper body, the whole figure. Boxes in, boxes out; draws nothing."""

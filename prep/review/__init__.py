"""A page to look through a set and put it right. `prep review` starts it.

The page (page/, plain JavaScript and CSS) asks this server. Each change is a decision in the set's history; the desk
makes it at once, or keeps it until a run is done.
"""

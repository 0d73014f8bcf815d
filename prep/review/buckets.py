"""stub"""


def buckets_of(session):
    return {"note": "", "datasets": []}

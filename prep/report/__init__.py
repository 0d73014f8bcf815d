"""report.html: one file about a finished OUT, to look at or to send. It needs neither SRC nor a model, and holds no
script, no path and no name of this machine.

rows.py reads, the counting files are pure, html.py, plots.py and page.py write, written.py keeps the file in its place.
"""
